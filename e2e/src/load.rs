//! Calls at a fixed rate, each answer looked at.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::json;
use tokio::sync::{Mutex, oneshot};
use tokio::task::JoinSet;

use crate::beside::Beside;
use crate::mcp::Connection;
use crate::server;

/// Time for one call, connection included.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where calls go, and how.
#[derive(Clone, Debug)]
pub struct Way {
    /// In a tally.
    pub name: &'static str,
    /// Of a Service or an ingress controller.
    pub address: SocketAddr,
    /// `/mcp`, or the server's public path.
    pub path: String,
    /// Connections are used again as long as the other side keeps them; else each call has its own,
    /// and says that nothing will follow on it.
    pub kept: bool,
    /// The tool that is called.
    pub tool: &'static str,
}

impl Way {
    /// One call, on a connection of its own.
    ///
    /// # Errors
    /// Why there is no answer, or not the one there should be.
    pub async fn call(&self) -> anyhow::Result<()> {
        call(self.connect().await?, self.tool).await.map(drop)
    }

    async fn connect(&self) -> anyhow::Result<Connection> {
        let connection = Connection::open_at(self.address, &self.path).await?;
        Ok(if self.kept {
            connection
        } else {
            connection.once()
        })
    }
}

/// What came of the calls.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// The way's name.
    pub way: &'static str,
    /// Answered as they should be.
    pub answered: usize,
    /// Why each of the others wasn't.
    pub lost: Vec<String>,
    /// Connections opened.
    pub connections: usize,
    /// The longest that an answer took.
    pub slowest: Duration,
}

/// Calls so many times a second with session `session`, each at its time, whether those before are
/// answered or not. It ends when every call that was begun has its answer.
pub fn start(way: Way, per_second: u32) -> Beside<Tally> {
    Beside::start(|stopped| call_on(way, per_second, stopped))
}

async fn call_on(
    way: Way,
    per_second: u32,
    mut stopped: oneshot::Receiver<()>,
) -> anyhow::Result<Tally> {
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / per_second);
    let pool = Arc::new(Pool {
        way: way.clone(),
        idle: Mutex::default(),
        opened: Mutex::default(),
    });
    let mut calls = JoinSet::new();
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                let pool = Arc::clone(&pool);
                calls.spawn(async move {
                    let begun = Instant::now();
                    tokio::time::timeout(PATIENCE, pool.call())
                        .await
                        .context("no answer in time")??;
                    anyhow::Ok(begun.elapsed())
                });
            }
            _ = &mut stopped => break,
        }
    }
    let mut tally = Tally {
        way: way.name,
        ..Tally::default()
    };
    while let Some(ended) = calls.join_next().await {
        match ended.context("a call panicked")? {
            Ok(took) => {
                tally.answered += 1;
                tally.slowest = tally.slowest.max(took);
            }
            Err(error) => tally.lost.push(format!("{error:#}")),
        }
    }
    tally.connections = *pool.opened.lock().await;
    Ok(tally)
}

/// Gives the connection back after the right answer.
async fn call(mut connection: Connection, tool: &str) -> anyhow::Result<Connection> {
    let params = json!({"name": tool, "arguments": {}});
    let answer = connection
        .request(server::caller("session"), "tools/call", params)
        .await?;
    let text = &answer.body["result"]["content"][0]["text"];
    ensure!(
        answer.status == 200 && text.is_string(),
        "{}: {}",
        answer.status,
        answer.body
    );
    Ok(connection)
}

struct Pool {
    way: Way,
    /// First in, first out: none is idle for long.
    idle: Mutex<VecDeque<Connection>>,
    opened: Mutex<usize>,
}

impl Pool {
    async fn call(&self) -> anyhow::Result<()> {
        let connection = call(self.connection().await?, self.way.tool).await?;
        if self.way.kept {
            self.idle.lock().await.push_back(connection);
        }
        Ok(())
    }

    /// One that was used before and that the other side has kept, or a new one.
    async fn connection(&self) -> anyhow::Result<Connection> {
        loop {
            let idle = self.idle.lock().await.pop_front();
            match idle {
                Some(mut connection) => {
                    if connection.is_kept().await {
                        return Ok(connection);
                    }
                }
                None => {
                    *self.opened.lock().await += 1;
                    return self.way.connect().await;
                }
            }
        }
    }
}
