//! The side of whoever orders a drill: starts its process, listens to it, and leaves nothing of it behind.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use safeguard_api::drill::{DrillOrder, DrillWord};
use safeguard_target::{LaunchEnvironment, LaunchSpec, SPEC_VARIABLE};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};

const WORDS_WAITING_MAX: usize = 256;
const WORD_BYTES_MAX: u64 = 1 << 20;

/// How the drill's process is started.
#[derive(Debug, Clone)]
pub struct DrillCommand {
    /// Program and arguments that end in [`crate::drill_process`].
    pub program: PathBuf,
    pub arguments: Vec<String>,
    /// Program and arguments that end in [`safeguard_target::launch`]: it makes the process go with its starter.
    pub launcher: Vec<String>,
}

/// Why no drill was started.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    #[error("cannot use the folder `{}`", path.display())]
    Folder {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
}

/// A drill under way. Dropping it ends the drill and everything it started.
pub struct Keeper {
    words: mpsc::Receiver<DrillWord>,
    alive: oneshot::Sender<()>,
}

impl Keeper {
    /// Starts a drill that works in `folder`, which is made anew, and is ended after `longest`.
    ///
    /// # Errors
    /// When the folder can not be made. A process that does not start says so as its word.
    pub fn start(
        command: DrillCommand,
        order: DrillOrder,
        folder: PathBuf,
        longest: Duration,
    ) -> Result<Keeper, KeeperError> {
        clear(&folder)?;
        let (say, words) = mpsc::channel(WORDS_WAITING_MAX);
        let (alive, dropped) = oneshot::channel();
        // A thread of its own, because the kernel takes the process along with the thread that started it.
        thread::Builder::new()
            .name("drill-keeper".to_owned())
            .spawn(move || {
                let runtime = match Builder::new_current_thread().enable_all().build() {
                    Ok(runtime) => runtime,
                    Err(error) => return tracing::error!(%error, "Cannot start a runtime for a drill"),
                };
                runtime.block_on(keep(&command, &order, &folder, longest, &say, dropped));
                if let Err(error) = std::fs::remove_dir_all(&folder) {
                    tracing::warn!(folder = %folder.display(), %error, "Cannot remove a drill's folder");
                }
                // Only now is it over for whoever listens: another drill may take the folder.
                drop(say);
            })
            .map_err(KeeperError::Thread)?;
        Ok(Keeper { words, alive })
    }

    /// The next word; the last one says how it ended. There is none when nothing of the drill is left.
    pub async fn word(&mut self) -> Option<DrillWord> {
        self.words.recv().await
    }

    /// Breaks the drill off, and returns when nothing of it is left.
    pub async fn break_off(self) {
        let Keeper { mut words, alive } = self;
        drop(alive);
        while words.recv().await.is_some() {}
    }
}

/// Makes the folder anew: what a drill left that was killed with its starter goes away.
fn clear(folder: &Path) -> Result<(), KeeperError> {
    let failed = |source| KeeperError::Folder {
        path: folder.to_owned(),
        source,
    };
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        Ok(()) | Err(_) => {}
    }
    std::fs::create_dir_all(folder).map_err(failed)
}

async fn keep(
    command: &DrillCommand,
    order: &DrillOrder,
    folder: &Path,
    longest: Duration,
    say: &mpsc::Sender<DrillWord>,
    dropped: oneshot::Receiver<()>,
) {
    let mut child = match start(command, folder) {
        Ok(child) => child,
        Err(error) => return undecided(say, format!("cannot start the drill's process: {error}")).await,
    };
    let ended = tokio::select! {
        heard = listen(&mut child, order, say) => match heard {
            Ok(true) => None,
            Ok(false) => Some("the drill's process ended before its last word".to_owned()),
            Err(error) => Some(format!("the drill's process can not be heard: {error}")),
        },
        () = tokio::time::sleep(longest) => {
            Some(format!("the drill had not ended after {} s", longest.as_secs()))
        }
        _ = dropped => Some("the drill was broken off".to_owned()),
    };
    // Its standard input closes here: it ends its apps and itself.
    if let Err(error) = child.kill().await {
        tracing::warn!(%error, "Cannot end a drill's process");
    }
    if let Some(why) = ended {
        undecided(say, why).await;
    }
}

async fn undecided(say: &mpsc::Sender<DrillWord>, why: String) {
    if say.send(DrillWord::Undecided { why }).await.is_err() {
        tracing::debug!("Nobody listens to a drill any more");
    }
}

fn start(command: &DrillCommand, folder: &Path) -> io::Result<Child> {
    let (launcher, arguments) = command
        .launcher
        .split_first()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no launcher is set"))?;
    let spec = LaunchSpec {
        parent: std::process::id(),
        program: command.program.clone(),
        arguments: command.arguments.clone(),
        folder: Some(folder.to_owned()),
        environment: LaunchEnvironment::InheritedAnd(Default::default()),
        open_files_max: None,
        cgroups: Vec::new(),
    };
    Command::new(launcher)
        .args(arguments)
        .env(SPEC_VARIABLE, serde_json::to_string(&spec)?)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

/// Gives the order and passes the words on; returns whether the last one was said.
async fn listen(child: &mut Child, order: &DrillOrder, say: &mpsc::Sender<DrillWord>) -> io::Result<bool> {
    let gone = || io::Error::other("it has no pipes");
    let mut input = child.stdin.take().ok_or_else(gone)?;
    let mut output = BufReader::new(child.stdout.take().ok_or_else(gone)?);
    let mut line = serde_json::to_vec(order)?;
    line.push(b'\n');
    input.write_all(&line).await?;
    loop {
        let mut line = Vec::new();
        let mut limited = (&mut output).take(WORD_BYTES_MAX);
        if limited.read_until(b'\n', &mut line).await? == 0 {
            return Ok(false);
        }
        let word: DrillWord = serde_json::from_slice(&line)?;
        let is_last = match &word {
            DrillWord::Step(_) => false,
            DrillWord::Done { .. } | DrillWord::Tried { .. } | DrillWord::Undecided { .. } => true,
        };
        if say.send(word).await.is_err() {
            return Ok(true);
        }
        if is_last {
            // It stops what it started, in order, and then ends; who does not is killed.
            drop(tokio::time::timeout(Duration::from_secs(12), child.wait()).await);
            drop(input);
            return Ok(true);
        }
    }
}
