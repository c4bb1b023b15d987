//! How every process of Koine lives: who asks ([`Ctx`]), where data is ([`Store`]), what went wrong ([`Error`]), what became
//! true ([`event`]), and how a service is started, reached, measured and stopped ([`Process`]). No word of the programme
//! appears in this crate.
//!
//! A service is read best from the bodies of its RPC methods: open, load, decide, save, answer.
//!
//! ```ignore
//! let (ctx, req) = request.open()?;                            // who asks, and a well-formed message
//! let tx = self.store.write(&ctx).await?;
//! let mut team = store::get(&tx, req.team_id.parse()?).await?; // load
//! let tx = tx.allowed(team.led_by(&ctx)?).await?;              // may they? only then is a repeated request answered again
//! let handed = team.hand_over(&ctx, new_referent)?;            // decide: pure, synchronous, no I/O
//! store::save(&tx, &mut team).await?;                          // save
//! tx.answer(pb::Team::from(team)).await                        // answer: commits
//! ```

pub mod audit;
pub mod batch;
pub mod blob;
pub mod border;
pub mod client;
pub mod clock;
pub mod config;
pub mod ctx;
pub mod deadline;
pub mod ended;
pub mod error;
pub mod event;
pub mod id;
pub mod intake;
pub mod kept;
pub mod language;
mod layer;
mod limits;
pub mod listing;
pub mod mail;
pub mod network;
pub mod open;
pub mod operation;
pub mod outbound;
pub mod pace;
pub mod page;
pub mod secret;
pub mod service;
pub mod shares;
pub mod sheet;
pub mod store;
pub mod subject;
pub mod tasks;
pub mod telemetry;
pub mod tenant;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod text;
pub mod tls;
mod to_its_end;
pub mod token;
pub mod watch;
pub mod wire;
pub mod zip;

pub use border::Border;
pub use client::{Peer, Peers};
pub use clock::Clock;
pub use config::Config;
pub use ctx::{Bound, Caller, Ctx, Lack, Member};
pub use error::{Code, Error, Reason, Result, Violations};
pub use id::{Id, Ids};
pub use language::Language;
pub use open::Open;
pub use operation::Operations;
pub use page::{Page, PageRequest};
pub use service::{Host, Process, Service, run, run_with};
pub use store::{Allowed, Glance, Locks, MethodTx, Opening, Reads, Snapshot, Store, Tx};
pub use tasks::Tasks;
pub use tenant::{Tenant, TenantId, Tenants};
pub use watch::Watch;

/// The allocator of every program: it takes less time for each call than the system's, and returns the memory of a burst of
/// uploads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
