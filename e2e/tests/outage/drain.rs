//! Pods deleted under load. Alone, not because anything is stopped: on a machine that has no time
//! for it even five seconds of drain run out.

use crate::drain;

#[tokio::test(flavor = "multi_thread")]
async fn pods_deleted_under_load_lose_no_call() -> anyhow::Result<()> {
    drain::loses_nothing(2).await
}
