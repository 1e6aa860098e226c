//! Clauses about the proxy's mounts and volumes.

use crds::names;
use serde_json::Value;

use super::{Clause, Facts};
use crate::json::{flag, list, text};
use crate::sidecar::MOUNTS;

pub(super) fn clauses() -> Vec<Clause> {
    vec![mounts(), document(), shards(), tokens()]
}

fn mounts() -> Clause {
    let wanted: Vec<String> = MOUNTS
        .iter()
        .map(|(name, path)| format!("'{name}={path}'"))
        .collect();
    Clause {
        name: "mounts",
        field: "spec.initContainers[mcp-proxy].volumeMounts",
        message: "mcp-proxy mounts the policy and the upstream tokens, read-only and whole, \
                  has the policy where a service-account token would be, and mounts nothing else",
        cel: format!(
            "variables.proxies.all(c, c.?volumeDevices.orValue([]).size() == 0 \
             && variables.mounts.size() == {} \
             && [{}].all(w, variables.mounts.exists(m, m.name + '=' + m.mountPath == w)) \
             && variables.mounts.all(m, m.?readOnly.orValue(false) \
             && m.?subPath.orValue('') == '' && m.?subPathExpr.orValue('') == ''))",
            MOUNTS.len(),
            wanted.join(", ")
        ),
        holds: |facts| {
            let whole = |mount: &Value| {
                flag(mount, &["readOnly"])
                    && text(mount, &["subPath"]).is_empty()
                    && text(mount, &["subPathExpr"]).is_empty()
            };
            let there = |(name, path): &(&str, &str)| {
                let is = |mount: &Value| {
                    text(mount, &["name"]) == *name && text(mount, &["mountPath"]) == *path
                };
                facts.mounts().iter().any(is)
            };
            facts.all(|c| {
                list(c, &["volumeDevices"]).is_empty()
                    && facts.mounts().len() == MOUNTS.len()
                    && MOUNTS.iter().all(there)
                    && facts.mounts().iter().all(whole)
            })
        },
    }
}

const SOURCES: usize = 1 + names::SESSION_SHARDS;

fn document() -> Clause {
    Clause {
        name: "policy-document",
        field: "spec.volumes[mcp-policy]",
        message: "volume mcp-policy begins with policy.json and jwks.json of ConfigMap <server>-gateway-policy, not optional",
        cel: format!(
            "variables.sources.size() > 0 \
             && variables.sources[0].?configMap.?name.orValue('') == variables.server + '{}' \
             && !variables.sources[0].?configMap.?optional.orValue(false) \
             && variables.sources[0].?configMap.?items.orValue([]).map(i, i.key + '=' + i.path) == ['{1}={1}', '{2}={2}']",
            names::policy_config_map(""),
            names::POLICY_KEY,
            names::JWKS_KEY
        ),
        holds: |facts| {
            let keys = [names::POLICY_KEY, names::JWKS_KEY];
            sources(facts).first().is_some_and(|source| {
                text(source, &["configMap", "name"]) == names::policy_config_map(facts.server())
                    && !flag(source, &["configMap", "optional"])
                    && items(source) == keys.map(|key| (key, key))
            })
        },
    }
}

fn shards() -> Clause {
    let numbers: Vec<String> = (0..names::SESSION_SHARDS).map(|n| n.to_string()).collect();
    // The name and the file of shard n, with CEL's number between the two halves of each.
    let (file, ending) = halves(&names::session_shard_file(0));
    let (name, _) = halves(&names::session_shard_config_map("", 0));
    Clause {
        name: "policy-shards",
        field: "spec.volumes[mcp-policy]",
        message: "volume mcp-policy goes on with sessions.ndjson.gz of the ConfigMaps <server>-gateway-sessions-0 to -15, \
                  optional, and with nothing else",
        cel: format!(
            "variables.sources.size() == {SOURCES} && [{}].all(n, \
             variables.sources[n + 1].?configMap.?name.orValue('') == variables.server + '{name}' + string(n) \
             && variables.sources[n + 1].?configMap.?optional.orValue(false) \
             && variables.sources[n + 1].?configMap.?items.orValue([]).map(i, i.key + '=' + i.path) \
             == ['{}={file}' + string(n) + '{ending}'])",
            numbers.join(", "),
            names::SESSION_SHARD_KEY
        ),
        holds: |facts| {
            let sources = sources(facts);
            sources.len() == SOURCES
                && sources.iter().skip(1).enumerate().all(|(n, source)| {
                    let name = names::session_shard_config_map(facts.server(), n);
                    text(source, &["configMap", "name"]) == name
                        && flag(source, &["configMap", "optional"])
                        && items(source)
                            == [(
                                names::SESSION_SHARD_KEY,
                                names::session_shard_file(n).as_str(),
                            )]
                })
        },
    }
}

fn tokens() -> Clause {
    Clause {
        name: "token-volume",
        field: "spec.volumes[mcp-upstream-tokens]",
        message: "volume mcp-upstream-tokens is the optional Secret <server>-upstream-tokens, whole",
        cel: format!(
            "variables.tokenVolumes.size() == 1 && variables.tokenVolumes.all(v, \
             v.?secret.?secretName.orValue('') == variables.server + '{}' \
             && v.?secret.?optional.orValue(false) && v.?secret.?items.orValue([]).size() == 0)",
            names::upstream_tokens_secret("")
        ),
        holds: |facts| match facts.volumes(names::TOKENS_VOLUME).as_slice() {
            [volume] => {
                let name = names::upstream_tokens_secret(facts.server());
                text(volume, &["secret", "secretName"]) == name
                    && flag(volume, &["secret", "optional"])
                    && list(volume, &["secret", "items"]).is_empty()
            }
            _ => false,
        },
    }
}

fn sources<'a>(facts: &Facts<'a>) -> &'a [Value] {
    match facts.volumes(names::POLICY_VOLUME).as_slice() {
        [volume] => list(volume, &["projected", "sources"]),
        _ => &[],
    }
}

fn items(source: &Value) -> Vec<(&str, &str)> {
    list(source, &["configMap", "items"])
        .iter()
        .map(|item| (text(item, &["key"]), text(item, &["path"])))
        .collect()
}

/// What stands before and after the `0` in a name made for shard 0.
fn halves(name: &str) -> (String, String) {
    let (before, after) = name.split_once('0').unwrap_or((name, ""));
    (before.to_owned(), after.to_owned())
}
