//! Looks names up, once for each hop, so that what was judged is what is connected to.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::lookup_host;
use tokio::time::timeout;

use super::{Failure, Inner};
use crate::event::TrackerError;
use crate::text::without_number;

impl Inner {
    /// The addresses of `host`, which may be an address itself (IPv6 in brackets).
    pub(super) async fn lookup(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Failure> {
        let failed =
            |why: &str| Failure::new(TrackerError::DnsFailed, format!("{host} has no address: {why}"));
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        if let Some(known) = self.settings.known_names.get(host) {
            return Ok(known.iter().map(|&address| SocketAddr::new(address, port)).collect());
        }
        let found = timeout(self.settings.lookup_timeout, lookup_host((host, port)))
            .await
            .map_err(|_| failed("the name service does not answer"))?
            .map_err(|error| {
                let text = error.to_string();
                failed(without_number(text.rsplit(": ").next().unwrap_or(&text)))
            })?;
        let found: Vec<SocketAddr> = found.collect();
        if found.is_empty() { Err(failed("the name service knows none")) } else { Ok(found) }
    }
}

/// What names mean while somebody holds on to it. A second look at the same name sees the same addresses, so no
/// name can change its meaning between being judged and being connected to.
#[derive(Clone, Default)]
pub(super) struct Pins(Arc<Mutex<HashMap<String, Weak<[SocketAddr]>>>>);

impl Pins {
    /// Lets `host` mean `addrs` until the returned handle is dropped, or what it means already.
    pub(super) fn pin(&self, host: &str, addrs: Vec<SocketAddr>) -> Arc<[SocketAddr]> {
        let mut pins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pins.retain(|_, addrs| addrs.strong_count() > 0);
        if let Some(pinned) = pins.get(host).and_then(Weak::upgrade) {
            return pinned;
        }
        let pinned: Arc<[SocketAddr]> = addrs.into();
        pins.insert(host.to_owned(), Arc::downgrade(&pinned));
        pinned
    }
}

impl Resolve for Pins {
    fn resolve(&self, name: Name) -> Resolving {
        let pins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pinned = pins.get(name.as_str()).and_then(Weak::upgrade);
        drop(pins);
        Box::pin(async move {
            let addrs = pinned.ok_or("the name was not looked up before")?;
            let addrs: Vec<SocketAddr> = addrs.iter().copied().collect();
            Ok(Box::new(addrs.into_iter()) as Addrs)
        })
    }
}
