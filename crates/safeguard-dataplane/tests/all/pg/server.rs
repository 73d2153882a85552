//! One PostgreSQL for all tests: made in a temporary folder, and ended with the process of the tests.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

use super::authority::Authority;

pub const ROLE: &str = "guarded";
pub const PASSWORD: &str = "the role's password";
/// Roles that the server lets in otherwise, each by the login in its name.
pub const MD5_ROLE: &str = "by_md5";
pub const CLEARTEXT_ROLE: &str = "by_cleartext";
pub const CERTIFICATE_ROLE: &str = "by_certificate";
pub const TRUSTED_ROLE: &str = "by_trust";
/// A superuser, let in by its name: what it does not do, nothing but the guard has kept it from.
pub const ALMIGHTY_ROLE: &str = "almighty";
const HBA: &str = "
local all all trust
host all guarded 127.0.0.1/32 scram-sha-256
host all guarded 10.213.0.0/16 scram-sha-256
host all by_md5 127.0.0.1/32 md5
host all by_cleartext 127.0.0.1/32 password
hostssl all by_certificate 127.0.0.1/32 cert
host all by_trust 127.0.0.1/32 trust
host all almighty 127.0.0.1/32 trust
";
const START_LONGEST: Duration = Duration::from_secs(120);

pub struct Server {
    pub address: SocketAddr,
    /// Signs the certificates of those whom the server lets in by one.
    pub clients: Authority,
    folder: PathBuf,
    databases: AtomicU32,
    /// The server ends when its input closes, which it does with this process, however that ends. Guards that an answer is of the
    /// order before it.
    shell: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
}

static SERVER: OnceLock<Server> = OnceLock::new();

pub fn server() -> &'static Server {
    SERVER.get_or_init(Server::start)
}

impl Server {
    fn start() -> Server {
        Server::start_with("")
    }

    /// One of a test's own, which ends when it is dropped, with these settings besides: for what concerns all databases of a
    /// server.
    pub fn start_with(settings: &str) -> Server {
        Server::start_at(Ipv4Addr::LOCALHOST, &[], settings)
    }

    /// One of a test's own at another address, run by a command that takes it there.
    pub fn start_at(address: Ipv4Addr, by: &[&str], settings: &str) -> Server {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let name = format!("safeguard-pg-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let port = free_port();
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        std::fs::write(folder.join("server.crt"), made.cert.pem()).unwrap();
        std::fs::write(folder.join("server.key"), made.signing_key.serialize_pem()).unwrap();
        let clients = Authority::within(&folder);
        std::fs::write(folder.join("hba.conf"), HBA).unwrap();
        // Everything within one shell: it makes the cluster, runs the server, and takes both away when its input ends.
        let script = format!(
            "set -e; cd '{folder}'; chmod 600 server.key; PATH={bin}:$PATH
             initdb -D data -A trust -U postgres -E UTF8 --no-sync --locale=C >initdb.log 2>&1
             start() {{
             nice -n 19 postgres -D data -p {port} -k '{folder}' -c hba_file='{folder}/hba.conf' -c listen_addresses={address} -c ssl=on \
               -c ssl_cert_file='{folder}/server.crt' -c ssl_key_file='{folder}/server.key' \
               -c ssl_ca_file='{folder}/authority.pem' -c fsync=off \
               -c max_connections=60 -c shared_buffers=16MB -c log_min_messages=fatal {settings} >>server.log 2>&1 &
             server=$!
             }}
             start; echo started
             while read -r order; do
               case $order in start) start ;; *) kill -$order $server; wait $server || true ;; esac
               echo done
             done
             kill -QUIT $server || true; wait $server || true; rm -rf '{folder}'",
            folder = folder.display(),
            bin = bin().display(),
        );
        let mut command = if rustix::process::getuid().is_root() {
            let own = Command::new("chown")
                .args(["-R", "postgres"])
                .arg(&folder)
                .status()
                .unwrap();
            assert!(own.success());
            let by_user = [
                "setpriv",
                "--reuid=postgres",
                "--regid=postgres",
                "--clear-groups",
                "sh",
                "-c",
            ];
            let mut words = by.iter().chain(&by_user);
            let mut command = Command::new(words.next().unwrap());
            command.args(words);
            command
        } else {
            let mut command = Command::new("sh");
            command.arg("-c");
            command
        };
        #[expect(
            clippy::zombie_processes,
            reason = "the server is shared by all tests, and its shell ends it when their process is gone"
        )]
        let mut child = command
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let mut answers = BufReader::new(child.stdout.take().unwrap());
        answers.read_line(&mut said).unwrap();
        assert_eq!(said, "started\n", "see {}", folder.display());
        let orders = child.stdin.take().unwrap();
        let server = Server {
            address: SocketAddr::from((address, port)),
            clients,
            folder,
            databases: AtomicU32::new(0),
            shell: Mutex::new((orders, answers)),
        };
        server.until_it_answers();
        let password = PASSWORD.replace('\'', "''");
        server.must(
            "postgres",
            &format!(
                "SET password_encryption = 'scram-sha-256'; CREATE ROLE {ROLE} LOGIN PASSWORD '{password}';
                 CREATE ROLE {CLEARTEXT_ROLE} LOGIN PASSWORD '{password}';
                 SET password_encryption = 'md5'; CREATE ROLE {MD5_ROLE} LOGIN PASSWORD '{password}';
                 CREATE ROLE {CERTIFICATE_ROLE} LOGIN; CREATE ROLE {TRUSTED_ROLE} LOGIN;
                 CREATE ROLE {ALMIGHTY_ROLE} SUPERUSER LOGIN"
            ),
        );
        server
    }

    /// Sends the server a signal, such as `INT` or `QUIT`, by which it ends.
    pub fn stop(&self, signal: &str) {
        self.order(signal);
    }

    pub fn start_again(&self) {
        self.order("start");
        self.until_it_answers();
    }

    fn order(&self, order: &str) {
        let mut shell = self.shell.lock().unwrap();
        let (orders, answers) = &mut *shell;
        writeln!(orders, "{order}").unwrap();
        let mut said = String::new();
        answers.read_line(&mut said).unwrap();
        assert_eq!(said, "done\n", "{order}");
    }

    fn until_it_answers(&self) {
        let begun = Instant::now();
        while !self.as_owner("postgres", "SELECT 1").1 {
            assert!(begun.elapsed() < START_LONGEST, "the server does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Its own certificate, which leads to nothing else.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("server.crt")
    }

    pub fn certificate_der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(self.certificate()).unwrap()
    }

    /// Makes a database of its own for a test, with what the SQL puts into it.
    pub fn database(&self, sql: &str) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.must("postgres", &format!("CREATE DATABASE {name} OWNER {ROLE}"));
        self.must(
            &name,
            &format!("GRANT ALL ON SCHEMA public TO {ROLE}; SET ROLE {ROLE}; {sql}"),
        );
        name
    }

    /// Runs SQL past the proxy, and returns what it says.
    pub fn must(&self, database: &str, sql: &str) -> String {
        let (said, worked) = self.as_owner(database, sql);
        assert!(worked, "{sql}: {said}");
        said
    }

    fn as_owner(&self, database: &str, sql: &str) -> (String, bool) {
        let mut child = Command::new("psql")
            .args([
                "-X",
                "-q",
                "-A",
                "-t",
                "-v",
                "ON_ERROR_STOP=1",
                "-U",
                "postgres",
                "-d",
                database,
                "-h",
            ])
            .arg(&self.folder)
            .arg("-p")
            .arg(self.address.port().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Whoever is not let in has left before it reads: its output says why.
        drop(child.stdin.take().unwrap().write_all(sql.as_bytes()));
        let output = child.wait_with_output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (
            String::from_utf8(said).unwrap().trim().to_owned(),
            output.status.success(),
        )
    }
}

/// Where the programs lie that are asked for, or Debian keeps those of the newest version that is installed.
fn bin() -> PathBuf {
    if let Some(asked) = std::env::var_os("SAFEGUARD_POSTGRES_PROGRAMS") {
        return PathBuf::from(asked);
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let folders = versions.map(|version| version.unwrap().path().join("bin"));
    folders
        .filter(|folder| folder.join("initdb").exists())
        .max_by_key(|folder| folder.parent().map(std::path::Path::to_path_buf))
        .expect("PostgreSQL: `apt-get install postgresql`")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}
