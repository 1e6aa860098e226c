//! What view, edit and admin of a namespace may do with the three kinds.

use anyhow::ensure;
use mcp_e2e::{Cluster, Namespace, wait};

const ROLES: [&str; 3] = ["view", "edit", "admin"];

fn user(role: &str) -> String {
    format!("{role}-of-agreement")
}

/// What `kubectl auth can-i` answers; an error of kubectl's is no answer.
async fn may(
    namespace: &Namespace,
    role: &str,
    verb: &str,
    resource: &str,
) -> anyhow::Result<bool> {
    // kubectl reads TYPE/NAME: a subresource has a flag of its own.
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let asked = [
        "-n",
        &namespace.name,
        "auth",
        "can-i",
        verb,
        &format!("{resource}.mcpruntime.org"),
        &format!("--subresource={subresource}"),
        "--as",
        &user(role),
    ];
    let answer = namespace.cluster.kubectl(&asked, "").await?;
    let said = answer.stdout.trim();
    ensure!(said == "yes" || said == "no", "{answer:?}");
    Ok(said == "yes")
}

#[tokio::test(flavor = "multi_thread")]
async fn view_edit_and_admin_of_a_namespace_reach_the_three_kinds() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "roles").await?;
    for role in ROLES {
        let arguments = ["-n", &namespace.name, "create", "rolebinding", role];
        let role_of = format!("--clusterrole={role}");
        let user = format!("--user={}", user(role));
        let bound = cluster
            .kubectl(&[&arguments[..], &[&role_of, &user]].concat(), "")
            .await?;
        assert!(bound.ok, "{}", bound.stderr);
    }
    // The authorizer hears of a binding a moment later.
    for role in ROLES {
        wait::until(&format!("the rights of {role}"), || async {
            let bound = may(&namespace, role, "get", "mcpservers").await?;
            Ok(bound.then_some(()))
        })
        .await?;
    }
    for (role, verb, resource, expected) in [
        ("view", "get", "mcpservers", true),
        ("view", "watch", "mcpaccessgrants", true),
        ("view", "list", "mcpagentsessions", true),
        ("view", "create", "mcpservers", false),
        ("view", "patch", "mcpagentsessions", false),
        ("edit", "create", "mcpservers", true),
        ("edit", "patch", "mcpagentsessions", true),
        ("edit", "get", "mcpaccessgrants", true),
        ("edit", "create", "mcpaccessgrants", false),
        ("edit", "patch", "mcpservers/status", false),
        ("admin", "create", "mcpaccessgrants", true),
        ("admin", "delete", "mcpaccessgrants", true),
        ("admin", "patch", "mcpaccessgrants/status", false),
    ] {
        let found = may(&namespace, role, verb, resource).await?;
        assert_eq!(found, expected, "{role} {verb} {resource}");
    }
    namespace.delete().await
}
