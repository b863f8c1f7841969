//! Channels towards a torrent's task. A channel of tokio has room for 32 messages from the start; here that is room for
//! their addresses, so that a torrent that idles holds no memory for messages that may never come.

use tokio::sync::mpsc;

/// A channel of at most this many messages.
pub fn channel<T>(most: usize) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = mpsc::channel(most);
    (Sender(sender), Receiver(receiver))
}

/// Where messages are put in. Copies lead to the same receiver.
#[derive(Debug)]
pub struct Sender<T>(mpsc::Sender<Box<T>>);

/// Where they are taken out.
#[derive(Debug)]
pub struct Receiver<T>(mpsc::Receiver<Box<T>>);

/// A channel of any number of messages.
pub fn unbounded<T>() -> (UnboundedSender<T>, UnboundedReceiver<T>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (UnboundedSender(sender), UnboundedReceiver(receiver))
}

/// Where messages are put in that wait for no room.
#[derive(Debug)]
pub struct UnboundedSender<T>(mpsc::UnboundedSender<Box<T>>);

/// Where those are taken out.
#[derive(Debug)]
pub struct UnboundedReceiver<T>(mpsc::UnboundedReceiver<Box<T>>);

/// Nobody takes messages out any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gone;

impl<T> Sender<T> {
    /// Waits for room and puts a message in.
    ///
    /// # Errors
    ///
    /// Nobody takes any more.
    pub async fn send(&self, message: T) -> Result<(), Gone> {
        self.0.send(Box::new(message)).await.map_err(|_| Gone)
    }

    /// Whether nobody takes any more.
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// Whether both lead to the same receiver.
    pub fn same_channel(&self, other: &Self) -> bool {
        self.0.same_channel(&other.0)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Receiver<T> {
    /// Takes the next one out; `None`: none will follow.
    pub async fn recv(&mut self) -> Option<T> {
        self.0.recv().await.map(|message| *message)
    }

    /// Takes one out that is there already.
    pub fn try_recv(&mut self) -> Option<T> {
        self.0.try_recv().ok().map(|message| *message)
    }

    /// None is put in any more; those that are there are taken out.
    pub fn close(&mut self) {
        self.0.close();
    }

    /// Takes out those that are there, at most this many, once there is one. Returns how many; 0: none will follow.
    pub async fn recv_many(&mut self, into: &mut Vec<Box<T>>, most: usize) -> usize {
        self.0.recv_many(into, most).await
    }
}

impl<T> UnboundedSender<T> {
    /// Puts a message in.
    ///
    /// # Errors
    ///
    /// Nobody takes any more.
    pub fn send(&self, message: T) -> Result<(), Gone> {
        self.0.send(Box::new(message)).map_err(|_| Gone)
    }
}

impl<T> Clone for UnboundedSender<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> UnboundedReceiver<T> {
    /// The same as [`Self::recv`] where no task waits.
    #[cfg(test)]
    pub fn blocking_recv(&mut self) -> Option<T> {
        self.0.blocking_recv().map(|message| *message)
    }

    /// Takes the next one out; `None`: none will follow.
    pub async fn recv(&mut self) -> Option<T> {
        self.0.recv().await.map(|message| *message)
    }

    /// Takes one out that is there already.
    pub fn try_recv(&mut self) -> Option<T> {
        self.0.try_recv().ok().map(|message| *message)
    }
}
