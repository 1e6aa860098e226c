//! Packet-filter rules: our two, and the removal of all that kube-proxy, the agent for NetworkPolicies, the kubelet
//! and the CNI plugins made.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::exec;
use crate::place::BRIDGE;

/// The comment that marks our own rules.
const MARK: &str = "mcp-runtime-cluster";
/// The two families' programs, each with its `-save` and `-restore`.
const FAMILIES: [&str; 2] = ["iptables", "ip6tables"];

/// Lets pods' traffic be forwarded on a machine whose policy is to drop it. What the agent for NetworkPolicies decides
/// comes before: it works in the mangle table.
///
/// # Errors
/// iptables refuses.
pub fn accept_forwarding() -> Result<()> {
    for direction in ["-i", "-o"] {
        let rule = [
            "-w",
            "-A",
            "FORWARD",
            direction,
            BRIDGE,
            "-m",
            "comment",
            "--comment",
            MARK,
            "-j",
            "ACCEPT",
        ];
        exec::output("iptables", &rule)?;
    }
    Ok(())
}

/// Whether NetworkPolicies are enforced: the agent has written its chain, of whatever it knows.
///
/// # Errors
/// Why not.
pub fn enforces() -> Result<(), String> {
    match chains() {
        Ok(chains) if chains.contains("KUBE-NETPOL") => Ok(()),
        Ok(_) => Err("chain KUBE-NETPOL isn't there".to_owned()),
        Err(error) => Err(format!("{error:#}")),
    }
}

/// All chains there are, of both families.
///
/// # Errors
/// The rules can't be read.
pub fn chains() -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for family in FAMILIES {
        found.extend(declared(&save(family)?).map(str::to_owned));
    }
    Ok(found)
}

/// Removes what a cluster leaves, except chains in `before`.
///
/// # Errors
/// The rules can't be read or written.
pub fn clean(before: &BTreeSet<String>) -> Result<()> {
    for family in FAMILIES {
        let script = removal(&save(family)?, before);
        if !script.is_empty() {
            restore(family, &script)?;
        }
    }
    Ok(())
}

/// Rules and chains of a cluster that are there.
///
/// # Errors
/// The rules can't be read.
pub fn left(before: &BTreeSet<String>) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for family in FAMILIES {
        let script = removal(&save(family)?, before);
        found.extend(
            script
                .lines()
                .filter(|line| line.starts_with('-'))
                .map(str::to_owned),
        );
    }
    Ok(found)
}

/// What to feed to `iptables-restore --noflush` so that the saved rules lose those of a cluster.
fn removal(saved: &str, before: &BTreeSet<String>) -> String {
    let of_cluster = |chain: &str| {
        (chain.starts_with("KUBE-") || chain.starts_with("CNI-")) && !before.contains(chain)
    };
    let mut script = String::new();
    for table in saved.split_inclusive("COMMIT\n") {
        let Some(name) = table.lines().find(|line| line.starts_with('*')) else {
            continue;
        };
        let chains: Vec<&str> = declared(table).filter(|chain| of_cluster(chain)).collect();
        let rules = table.lines().filter_map(|line| line.strip_prefix("-A "));
        let leading_there = rules.filter(|rule| {
            let mut words = rule.split(' ');
            let inside = words.next().is_some_and(of_cluster);
            let jumps = words
                .skip_while(|word| *word != "-j" && *word != "-g")
                .nth(1)
                .is_some_and(of_cluster);
            !inside && (jumps || rule.contains(&format!("--comment {MARK} ")))
        });
        let mut lines: Vec<String> = leading_there.map(|rule| format!("-D {rule}")).collect();
        lines.extend(chains.iter().map(|chain| format!("-F {chain}")));
        lines.extend(chains.iter().map(|chain| format!("-X {chain}")));
        if !lines.is_empty() {
            script += &format!("{name}\n{}\nCOMMIT\n", lines.join("\n"));
        }
    }
    script
}

fn declared(saved: &str) -> impl Iterator<Item = &str> {
    saved
        .lines()
        .filter_map(|line| line.strip_prefix(':')?.split(' ').next())
}

/// The rules there are; none on a machine that doesn't have the program yet.
fn save(family: &str) -> Result<String> {
    let program = format!("{family}-save");
    if !exec::installed(&program) {
        return Ok(String::new());
    }
    exec::output::<&str>(program, &[])
}

fn restore(family: &str, script: &str) -> Result<()> {
    let mut command = exec::command(format!("{family}-restore"), &["-w", "--noflush"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("start {family}-restore"))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin
            .write_all(script.as_bytes())
            .with_context(|| format!("write to {family}-restore"))?;
    }
    let output = child
        .wait_with_output()
        .with_context(|| format!("wait for {family}-restore"))?;
    if !output.status.success() {
        bail!(
            "{family}-restore: {}\n{script}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAVED: &str = "\
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:DOCKER - [0:0]
:KUBE-FORWARD - [0:0]
-A FORWARD -m comment --comment \"kubernetes forwarding rules\" -j KUBE-FORWARD
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i mcp0 -m comment --comment mcp-runtime-cluster -j ACCEPT
-A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT
COMMIT
*mangle
:FORWARD ACCEPT [0:0]
:KUBE-NETPOL - [0:0]
:KUBE-NETPOL-0123456789ABCDEF - [0:0]
-A FORWARD -j KUBE-NETPOL
-A KUBE-NETPOL ! -s 198.18.0.7/32 -d 198.18.0.7/32 -j KUBE-NETPOL-0123456789ABCDEF
-A KUBE-NETPOL-0123456789ABCDEF -j DROP
COMMIT
*nat
:POSTROUTING ACCEPT [0:0]
:CNI-HOSTPORT-MASQ - [0:0]
:CNI-1a - [0:0]
-A POSTROUTING -j CNI-HOSTPORT-MASQ
-A POSTROUTING -s 198.18.0.2/32 -m comment --comment \"name: \\\"x\\\" id: \\\"y\\\"\" -j CNI-1a
-A CNI-1a -d 198.18.0.0/16 -j ACCEPT
COMMIT
";

    #[test]
    fn only_what_a_cluster_made_is_removed_and_references_go_first() {
        let before = BTreeSet::from(["CNI-HOSTPORT-MASQ".to_owned()]);
        let expected = "\
*filter
-D FORWARD -m comment --comment \"kubernetes forwarding rules\" -j KUBE-FORWARD
-D FORWARD -i mcp0 -m comment --comment mcp-runtime-cluster -j ACCEPT
-F KUBE-FORWARD
-X KUBE-FORWARD
COMMIT
*mangle
-D FORWARD -j KUBE-NETPOL
-F KUBE-NETPOL
-F KUBE-NETPOL-0123456789ABCDEF
-X KUBE-NETPOL
-X KUBE-NETPOL-0123456789ABCDEF
COMMIT
*nat
-D POSTROUTING -s 198.18.0.2/32 -m comment --comment \"name: \\\"x\\\" id: \\\"y\\\"\" -j CNI-1a
-F CNI-1a
-X CNI-1a
COMMIT
";
        assert_eq!(removal(SAVED, &before), expected);
    }

    #[test]
    fn where_the_program_is_missing_there_are_no_rules() {
        assert_eq!(save("a-filter-that-nobody-wrote").unwrap(), "");
    }

    #[test]
    fn a_clean_machine_needs_no_script() {
        assert_eq!(
            removal("*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n", &BTreeSet::new()),
            ""
        );
    }
}
