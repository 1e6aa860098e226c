//! Months of rotations, switches, leaders that come and go and clocks that jump, against one
//! promise: whatever leaf a replica may still serve, every API server trusts it.

use super::*;

/// An API server may be so far behind the configurations.
const SERVER_LAG: SignedDuration = SignedDuration::from_secs(29);
/// A replica may be so far behind the Secret.
const REPLICA_LAG: SignedDuration = SignedDuration::from_mins(50);

struct History {
    seen: Seen,
    now: Timestamp,
    /// What the configurations said, and since when.
    bundles: Vec<(Timestamp, String)>,
    /// The CAs of the leaves served, and since when.
    served: Vec<(Timestamp, Leaf)>,
    announced_since: Option<Timestamp>,
    cert_manager: Issued,
    random: u64,
    adopted: usize,
    issued: usize,
}

impl History {
    fn new(seed: u64) -> Self {
        let now = time(NOW);
        Self {
            seen: Seen {
                bundles: vec![None],
                ..Seen::default()
            },
            now,
            bundles: Vec::new(),
            served: Vec::new(),
            announced_since: None,
            cert_manager: issue_ca(now).unwrap(),
            random: seed,
            adopted: 0,
            issued: 0,
        }
    }

    /// splitmix64
    fn below(&mut self, bound: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    /// Something that isn't the operator's doing.
    fn happen(&mut self) {
        let (event, some) = (self.below(24), self.below(48).cast_signed());
        match event {
            0 => self.seen.rotate_leaf = true,
            1 => self.seen.rotate_authority = true,
            2 => self.seen.wanted = WebhookTls::CertManager,
            3 => self.seen.wanted = WebhookTls::SelfSigned,
            4 => self.seen.provided = Some(provided(&self.cert_manager, self.now)),
            5 => self.cert_manager = issue_ca(self.now).unwrap(),
            6 => self.seen.provided = None,
            // Another leader, which has seen nothing yet.
            7 => self.announced_since = None,
            8 => self.now += SignedDuration::from_hours(some),
            9..=14 => self.now += SignedDuration::from_mins(5),
            // Its key is lost.
            15 => self.seen.authority = None,
            // As that of the pair to serve: replicas go on with the one before.
            16 => self.seen = judged(self.seen.clone(), Trust::Unusable),
            _ => self.now += SignedDuration::from_secs(some / 3),
        }
    }

    /// The operator works until there is nothing to do.
    fn work(&mut self) {
        loop {
            let wanted = bundle(&self.seen, self.now);
            let everywhere = self.seen.bundles == [Some(wanted.clone())];
            let since = match (everywhere, self.announced_since) {
                (true, since) => since.unwrap_or(self.now),
                (false, _) => self.now,
            };
            self.announced_since = everywhere.then_some(since);
            let announced_for = self.now.duration_since(since).unsigned_abs();
            match plan(&self.seen, announced_for, ENOUGH, self.now) {
                Step::Wait(_) => return,
                Step::Announce => {
                    self.seen.bundles = vec![Some(wanted.clone())];
                    self.bundles.push((self.now, wanted));
                    self.announced_since = None;
                }
                Step::NewAuthority => {
                    self.seen.authority = Some(issue_ca(self.now).unwrap());
                    self.seen.rotate_authority = false;
                }
                Step::NewLeaf => {
                    let ca = self.seen.authority.clone().unwrap();
                    self.serve(pair(&ca, self.now).certificate, ca.certificate);
                    self.seen.rotate_leaf = false;
                    self.issued += 1;
                }
                Step::Adopt => {
                    let provided = self.seen.provided.clone().unwrap();
                    self.serve(provided.pair.certificate, provided.authority);
                    self.adopted += 1;
                }
            }
            self.check();
        }
    }

    fn serve(&mut self, certificate: String, authority: String) {
        let leaf = Leaf {
            previous: previous(&self.seen, &authority, self.now),
            certificate,
            authority,
            since: Some(self.now),
            trust: Trust::Accepted,
        };
        self.seen.served = Some(leaf.clone());
        self.served.push((self.now, leaf));
    }

    /// Those of `all` that somebody who lags may still go by.
    fn current<T>(all: &[(Timestamp, T)], lag: SignedDuration, now: Timestamp) -> Vec<&T> {
        let until = |n: usize| all.get(n + 1).map_or(now, |(next, _)| *next + lag);
        all.iter()
            .enumerate()
            .filter(|(n, _)| until(*n) >= now)
            .map(|(_, (_, what))| what)
            .collect()
    }

    fn check(&self) {
        for leaf in Self::current(&self.served, REPLICA_LAG, self.now) {
            if !validity(&leaf.certificate).unwrap().contains(self.now) {
                continue;
            }
            for bundle in Self::current(&self.bundles, SERVER_LAG, self.now) {
                assert!(
                    // Before the first leaf there is nothing to keep.
                    certs::bundle::contains(bundle, &leaf.authority) || self.served.len() == 1,
                    "at {}: a leaf is served that an API server doesn't trust",
                    self.now
                );
            }
        }
    }
}

#[test]
fn no_leaf_is_served_that_an_api_server_may_not_trust_yet_or_any_more() {
    let (mut adopted, mut issued) = (0, 0);
    for seed in 0..6 {
        let mut history = History::new(seed);
        for _ in 0..500 {
            history.work();
            history.check();
            history.happen();
        }
        adopted += history.adopted;
        issued += history.issued;
    }
    // The histories are ones in which things happen.
    assert!(adopted > 10 && issued > 50, "{adopted}, {issued}");
}
