//! The control plane: the HTTP API, the loop that decides, and the status page.
//!
//! The loop is the only one that moves a release: it loads, observes, plans, commits and acts. Handlers record what
//! people and pipelines say, and hand commands to the loop.

mod api;
mod approve_page;
mod artifacts;
mod auth;
mod bisects;
pub mod calendars;
mod control;
mod dossier;
mod drills;
mod glue;
mod notify;
mod page;
mod record;
mod serve;
mod world;

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;

use safeguard_api::Config;
use safeguard_store::{Content, ContentError, OpenError, Place, Settings, Store, StoreError};
use safeguard_trial::DrillCommand;

use crate::auth::Door;
use crate::world::World;

/// What the server is told when it starts.
pub struct ServerSettings {
    pub config: Config,
    pub listener: TcpListener,
    /// Where the database, the artifacts and the keys lie.
    pub state: PathBuf,
    pub supervisor_socket: PathBuf,
    pub router_socket: PathBuf,
    /// How the process of a rollback drill is started.
    pub drill: DrillCommand,
}

#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error("cannot open the store in `{state}`")]
    Open {
        state: PathBuf,
        #[source]
        source: OpenError,
    },
    #[error("the store failed")]
    Store(#[from] StoreError),
    #[error("the content store failed")]
    Content(#[from] ContentError),
    #[error("cannot empty the folder of trials")]
    Trials(#[from] safeguard_target::artifact::ArtifactError),
    #[error("cannot use `{path}`")]
    File {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot serve the API")]
    Serve(#[source] std::io::Error),
    #[error("no random bytes: {0}")]
    Random(#[from] getrandom::Error),
}

/// What handlers share. The store has its own writer; the world is written by the loop alone.
#[derive(Clone)]
pub(crate) struct App {
    pub config: Arc<Config>,
    pub store: Store,
    pub door: Arc<Door>,
    pub world: tokio::sync::watch::Receiver<Arc<World>>,
    pub control: control::Control,
    pub artifacts: artifacts::Artifacts,
    /// Artifacts of trials alone: no release can be made of them.
    pub trial_artifacts: artifacts::Artifacts,
    pub content: Content,
    pub drills: drills::Drills,
    pub started_at: safeguard_api::Timestamp,
}

/// Serves until `shutdown` ends.
///
/// # Errors
/// When the store can not be opened, a file can not be written, or the listener fails.
pub async fn run(settings: ServerSettings, shutdown: impl Future<Output = ()>) -> Result<(), ServerError> {
    let ServerSettings {
        config,
        listener,
        state,
        supervisor_socket,
        router_socket,
        drill,
    } = settings;
    let file_error = |path: &std::path::Path| {
        let path = path.to_owned();
        move |source| ServerError::File { path, source }
    };
    let key_file = state.join("log.key");
    let key = auth::key_file(&key_file).map_err(file_error(&key_file))?;
    // The name of the log: what tells this installation's checkpoints from another's.
    let origin = format!(
        "safeguard/{}",
        &safeguard_api::Digest::of(&auth::public_part(&key)).hex()[..16]
    );
    let checkpoint_file = config
        .audit
        .checkpoint_file
        .clone()
        .unwrap_or_else(|| state.join("checkpoint"));
    let store = Store::open(Settings {
        place: Place::File(state.join("safeguard.db")),
        origin,
        key,
        checkpoint_file: Some(checkpoint_file),
    })
    .map_err(|source| ServerError::Open {
        state: state.clone(),
        source,
    })?;

    let config = Arc::new(config);
    let address = listener.local_addr().map_err(ServerError::Serve)?;
    let door = Arc::new(Door::open(&store, &state, address).await?);
    let artifacts = artifacts::Artifacts::open(&state.join("artifacts")).map_err(file_error(&state))?;
    let trial_artifacts = artifacts::Artifacts::open_empty(&state.join("trials"))?;
    let content = Content::open(&state.join("content"))?;
    record::first_policy(&store, &config).await?;

    let (control, world, looping) = control::start(
        config.clone(),
        store.clone(),
        artifacts.clone(),
        content.clone(),
        supervisor_socket,
        router_socket,
    );
    let notifying = notify::deliver(config.clone(), store.clone());
    let (drills, drilling) = drills::start(drills::Parts {
        config: config.clone(),
        store: store.clone(),
        content: content.clone(),
        artifacts: artifacts.clone(),
        trial_artifacts: trial_artifacts.clone(),
        control: control.clone(),
        command: drill,
        folder: state.join("drill"),
    });
    let app = App {
        config,
        store: store.clone(),
        door,
        world,
        control,
        artifacts,
        trial_artifacts,
        content,
        drills,
        started_at: record::now(),
    };

    listener.set_nonblocking(true).map_err(ServerError::Serve)?;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(ServerError::Serve)?;
    let served = tokio::select! {
        never = serve::serve(listener, api::router(app), serve::LIMITS) => match never {},
        ended = looping => ended,
        () = notifying => Ok(()),
        () = drilling => Ok(()),
        () = shutdown => Ok(()),
    };
    store.close().await;
    served
}
