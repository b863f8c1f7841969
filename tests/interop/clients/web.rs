//! Web servers: nginx, the one that comes with Python, and one that misbehaves.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use color_eyre::eyre::Result;

use super::libtorrent::PYTHON;
use crate::lab::Lab;
use crate::net::Host;
use crate::process::Process;

const PORT: u16 = 8000;
const TLS_PORT: u16 = 8443;

/// A server that runs; its URLs end with a slash.
#[derive(Debug)]
pub(crate) struct Server {
    process: Process,
    addr: Ipv4Addr,
}

/// A certificate for one address, signed by itself, and its key.
#[derive(Debug)]
pub(crate) struct Certificate {
    /// What vouches for it, as `SSL_CERT_FILE` takes it.
    pub(crate) pem: PathBuf,
    key: PathBuf,
}

impl Certificate {
    pub(crate) fn make(lab: &Lab, addr: Ipv4Addr) -> Result<Self> {
        let folder = lab.folder("certificate")?;
        let made = rcgen::generate_simple_self_signed([addr.to_string()])?;
        let (pem, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        fs::write(&pem, made.cert.pem())?;
        fs::write(&key, made.signing_key.serialize_pem())?;
        Ok(Self { pem, key })
    }
}

impl Server {
    /// nginx gives what stands in `root`; over TLS, too, where there is a certificate.
    pub(crate) fn nginx(
        lab: &Lab,
        host: &Host,
        root: &Path,
        certificate: Option<&Certificate>,
    ) -> Result<Self> {
        let folder = lab.folder("nginx")?;
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|what| format!("{what}_temp_path {}/temporary;\n", folder.display()))
            .concat();
        let tls = certificate.map_or_else(String::new, |certificate| {
            let (pem, key) = (certificate.pem.display(), certificate.key.display());
            format!("listen {TLS_PORT} ssl; ssl_certificate {pem}; ssl_certificate_key {key};")
        });
        let config = folder.join("nginx.conf");
        let (at, root) = (folder.display(), root.display());
        fs::write(
            &config,
            format!(
                "user root; daemon off; worker_processes 1; pid {at}/pid; error_log {at}/error.log;\n\
                 events {{}}\n\
                 http {{\n\
                 access_log off;\n\
                 {temporary}server {{ listen {PORT}; {tls} root \"{root}\"; }}\n\
                 }}\n"
            ),
        )?;
        let mut command = host.command("nginx");
        command.arg("-p").arg(&folder).arg("-c").arg(&config);
        Self::start(lab, host, lab.spawn(command, "nginx")?)
    }

    /// The server of Python gives what stands in `root`: whole files only.
    pub(crate) fn python(lab: &Lab, host: &Host, root: &Path) -> Result<Self> {
        let mut command = host.command(PYTHON);
        command.args(["-u", "-m", "http.server", "--directory"]).arg(root).arg(PORT.to_string());
        Self::start(lab, host, lab.spawn(command, "http-server")?)
    }

    /// One that gives what stands in `root` in as many bad ways as its script says, at this address of the host.
    pub(crate) fn bad(lab: &Lab, host: &Host, root: &Path, addr: Ipv4Addr) -> Result<Self> {
        let script = lab.folder("torrent")?.join("bad_web_server.py");
        fs::write(&script, include_str!("bad_web_server.py"))?;
        let mut command = host.command(PYTHON);
        command.arg("-u").arg(script).args([addr.to_string(), PORT.to_string()]).arg(root);
        let process = lab.spawn(command, &format!("bad-server-{addr}"))?;
        let mut server = Self { process, addr };
        let stdout = server.process.stdout.clone();
        lab.wait_for("the bad server", &mut server.process, || {
            Ok(fs::read_to_string(&stdout)?.starts_with("ready").then_some(()))
        })?;
        Ok(server)
    }

    fn start(lab: &Lab, host: &Host, mut process: Process) -> Result<Self> {
        lab.wait_for_listener(&mut process, host.at(PORT))?;
        Ok(Self { process, addr: host.v4 })
    }

    /// Where it gives its files.
    pub(crate) fn url(&self) -> String {
        format!("http://{}:{PORT}/", self.addr)
    }

    /// The same over TLS.
    pub(crate) fn secure_url(&self) -> String {
        format!("https://{}:{TLS_PORT}/", self.addr)
    }

    /// What the bad one wrote: a line, and one for each request.
    pub(crate) fn logged(&self) -> Vec<String> {
        self.process.output().lines().map(str::to_owned).collect()
    }
}
