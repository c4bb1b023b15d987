//! A caller may go away at any moment. What it had begun ends, and touches nothing of what comes after it.

use std::pin::pin;

use futures::future::{Either, select};
use platform::{Reads, Result};
use sea_orm::{ConnectionTrait, Statement};
use tests::World;

/// How often a caller looks for its transaction before it goes away, at most. A server answers `BEGIN` within fewer looks.
const LOOKS: u32 = 300;

/// Waits for `opening` for so many looks, then drops it, or what it opened.
async fn abandon<T>(opening: impl Future<Output = Result<T>>, looks: u32) {
    let looking = async {
        for _ in 0..looks {
            tokio::task::yield_now().await;
        }
    };
    if let Either::Left((open, _)) = select(pin!(opening), pin!(looking)).await {
        open.expect("a transaction");
    }
}

#[tokio::test(crate = "::tests::limit")]
async fn who_goes_away_while_a_transaction_opens_leaves_none_open() {
    let world = World::of(&["it"]).start().await;
    let process = world.process();
    let (store, ctx) = (process.store("identity").expect("a store"), process.operator("it").expect("a tenant"));
    for looks in 0..LOOKS {
        abandon(store.read(&ctx), looks).await;
        abandon(store.write(&ctx), looks).await;
        // in a transaction that was left open this is its first statement, and then the database refuses to open one
        let one = store.glance(&ctx).await.expect("a connection");
        let statement = Statement::from_string(one.conn().get_database_backend(), "SELECT 1");
        one.conn().query_one_raw(statement).await.expect("a row");
        drop(one);
        store.read(&ctx).await.unwrap_or_else(|error| panic!("abandoned after {looks} looks: {error:?}"));
    }
    world.end().await;
}
