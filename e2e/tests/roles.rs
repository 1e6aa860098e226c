//! What view, edit and admin of a namespace may do with the three kinds.

use mcp_e2e::{Cluster, Namespace};

#[tokio::test(flavor = "multi_thread")]
async fn view_edit_and_admin_of_a_namespace_reach_the_three_kinds() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "roles").await?;
    for role in ["view", "edit", "admin"] {
        let arguments = ["-n", &namespace.name, "create", "rolebinding", role];
        let role_of = format!("--clusterrole={role}");
        let user = format!("--user={role}-of-agreement");
        let bound = cluster
            .kubectl(&[&arguments[..], &[&role_of, &user]].concat(), "")
            .await?;
        assert!(bound.ok, "{}", bound.stderr);
    }
    for (role, verb, resource, may) in [
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
        let user = format!("{role}-of-agreement");
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        // kubectl reads TYPE/NAME: a subresource has a flag of its own.
        let asked = [
            "-n",
            &namespace.name,
            "auth",
            "can-i",
            verb,
            &format!("{resource}.mcpruntime.org"),
            &format!("--subresource={subresource}"),
            "--as",
            &user,
        ];
        let answer = cluster.kubectl(&asked, "").await?;
        assert_eq!(
            answer.stdout.trim() == "yes",
            may,
            "{role} {verb} {resource} {subresource}: {}{}",
            answer.stdout,
            answer.stderr
        );
    }
    namespace.delete().await
}
