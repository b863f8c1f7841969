//! Hosts on a bridge: every host is a network namespace of its own with one IPv4 and one IPv6 address.
//!
//! Clients refuse 127.0.0.0/8 and peers on their own address, hence real interfaces. The case itself stands on the
//! bridge with the first address, so it reaches every host's control port directly.

use std::cell::Cell;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::{Child, Command, Stdio};

use color_eyre::eyre::{Result, WrapErr, bail, ensure};

/// Where a router is seen by hosts behind it.
pub(crate) const INSIDE: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 1);

/// The network of one case.
#[derive(Debug)]
pub(crate) struct Net {
    index: u8,
    hosts: Cell<u8>,
}

/// One machine on the bridge. It exists as long as this value.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) v4: Ipv4Addr,
    pub(crate) v6: Ipv6Addr,
    holder: Child,
}

impl Net {
    /// A bridge with addresses 10.77.`index`.1 and fd77:`index`::1.
    pub(crate) fn new(index: u8) -> Result<Self> {
        let net = Self { index, hosts: Cell::new(1) };
        let (bridge, v4, v6) = (net.bridge(), net.v4(1), net.v6(1));
        run(&["ip", "link", "add", &bridge, "type", "bridge"])?;
        run(&["ip", "address", "add", &format!("{v4}/24"), "dev", &bridge])?;
        run(&["ip", "address", "add", &format!("{v6}/64"), "dev", &bridge, "nodad"])?;
        run(&["ip", "link", "set", &bridge, "up"])?;
        Ok(net)
    }

    /// The first address, which is the case's own.
    pub(crate) fn here(&self) -> Ipv4Addr {
        self.v4(1)
    }

    /// A new host, its interface up.
    pub(crate) fn host(&self, name: &str) -> Result<Host> {
        let number = self.hosts.get() + 1;
        self.hosts.set(number);
        let (v4, v6) = (self.v4(number), self.v6(number));
        let holder = hold_namespace()?;
        let host = Host { v4, v6, holder };
        let outside = format!("t{}h{number}", self.index);
        let pid = host.holder.id().to_string();
        run(&["ip", "link", "add", &outside, "type", "veth", "peer", "name", "eth0", "netns", &pid])?;
        run(&["ip", "link", "set", &outside, "master", &self.bridge(), "up"])?;
        // `nodad`: an address that is still being checked cannot be listened on.
        let setup = format!(
            "ip link set lo up && ip link set eth0 up && ip address add {v4}/24 dev eth0 && \
             ip address add {v6}/64 dev eth0 nodad && ip route add default via {} && ip -6 route add default via {}",
            self.v4(1),
            self.v6(1)
        );
        let status = host.command("sh").args(["-c", &setup]).status().wrap_err("cannot enter a host")?;
        ensure!(status.success(), "setting up host {name} failed: {setup}");
        Ok(host)
    }

    /// A new host behind `router`, which it reaches at [`INSIDE`]: its only way to the bridge.
    pub(crate) fn host_behind(&self, router: &Host) -> Result<Host> {
        let holder = hold_namespace()?;
        let (v4, v6) = (Ipv4Addr::new(192, 168, 77, 2), self.v6(u8::MAX));
        let host = Host { v4, v6, holder };
        let pid = host.holder.id().to_string();
        for (there, setup) in [
            (
                router,
                format!(
                    "ip link add inside type veth peer name eth0 netns {pid} && ip address add {INSIDE}/24 dev inside && ip link set inside up"
                ),
            ),
            (
                &host,
                format!(
                    "ip link set lo up && ip link set eth0 up && ip address add {v4}/24 dev eth0 && ip address add {v6}/64 dev eth0 nodad && ip route add default via {INSIDE}"
                ),
            ),
        ] {
            let status = there.command("sh").args(["-c", &setup]).status().wrap_err("cannot enter a host")?;
            ensure!(status.success(), "setting up a host behind a router failed: {setup}");
        }
        Ok(host)
    }

    fn bridge(&self) -> String {
        format!("br{}", self.index)
    }

    fn v4(&self, number: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 77, self.index, number)
    }

    fn v6(&self, number: u8) -> Ipv6Addr {
        Ipv6Addr::new(0xfd77, u16::from(self.index), 0, 0, 0, 0, 0, u16::from(number))
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        // Whatever is left goes with the outer namespace.
        let _ = run(&["ip", "link", "delete", &self.bridge()]);
    }
}

impl Host {
    /// A command that will run on this host.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/proc/{}/ns/net", self.holder.id())).arg("--").arg(program);
        command
    }

    /// Has it pass on what is not for itself: it is a router.
    pub(crate) fn forward(&self) -> Result<()> {
        let setup = "echo 1 > /proc/sys/net/ipv4/ip_forward";
        let status = self.command("sh").args(["-c", setup]).status().wrap_err("cannot enter a host")?;
        ensure!(status.success(), "{} does not forward", self.v4);
        Ok(())
    }

    /// `port` at this host's IPv4 address.
    pub(crate) fn at(&self, port: u16) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(self.v4), port)
    }

    /// `port` at this host's IPv6 address.
    pub(crate) fn at_v6(&self, port: u16) -> SocketAddr {
        SocketAddr::new(IpAddr::V6(self.v6), port)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// A process that does nothing but keep a network namespace alive, until its standard input closes.
fn hold_namespace() -> Result<Child> {
    let mut holder = Command::new("unshare")
        .args(["-n", "sh", "-c", "echo here; read -r _"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .wrap_err("cannot start unshare")?;
    let mut line = String::new();
    if let Some(stdout) = holder.stdout.as_mut() {
        BufReader::new(stdout).read_line(&mut line)?;
    }
    if line.trim() != "here" {
        let _ = holder.kill();
        let _ = holder.wait();
        bail!("unshare -n made no network namespace");
    }
    Ok(holder)
}

fn run(words: &[&str]) -> Result<()> {
    let output = Command::new(words[0]).args(&words[1..]).stdin(Stdio::null()).output();
    let output = output.wrap_err_with(|| format!("cannot start {}", words[0]))?;
    ensure!(
        output.status.success(),
        "`{}` failed: {}",
        words.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}
