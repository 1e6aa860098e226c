//! What `kubectl apply` and `kubectl delete` answer at once.

use anyhow::ensure;
use mcp_e2e::{Cluster, Namespace, cluster, conditions, routes, server, wait};

/// YAML files of a folder of the checkout, by name.
fn files(folder: &str) -> Vec<(String, String)> {
    let mut files: Vec<_> = std::fs::read_dir(cluster::root().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_is_accepted() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "examples").await?;
    let examples = files("deploy/examples");
    assert!(!examples.is_empty());
    // The examples name the image of a local build; the platform here runs one of its own.
    let image = cluster.proxy_image().await?;
    for (name, yaml) in examples {
        let yaml = yaml.replace("mcp-runtime:dev", &image);
        let yaml = routes::of_their_own(&namespace.name, &yaml);
        let ended = cluster
            .kubectl(
                &[
                    "-n",
                    &namespace.name,
                    "apply",
                    "--dry-run=server",
                    "-f",
                    "-",
                ],
                &yaml,
            )
            .await?;
        assert!(ended.ok, "{name}: {}", ended.stderr);
    }
    namespace.delete().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_server_is_refused_with_field_and_remedy() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "invalid").await?;
    let yaml =
        server::server("weather", 1).replace("enabled: true", "enabled: true\n    port: 8088");
    let ended = cluster.apply(&namespace.name, &yaml).await?;
    assert!(!ended.ok, "accepted: {}", ended.stdout);
    assert!(
        ended.stderr.contains("gateway.port"),
        "no field: {}",
        ended.stderr
    );
    assert!(ended.stderr.contains("8091"), "no remedy: {}", ended.stderr);
    namespace.delete().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auth_mode_that_proxies_lack_warns_denies_and_shows_in_status() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "authmode").await?;
    let yaml = server::server("weather", 1).replace(
        "  session:\n",
        "  auth:\n    mode: oauth\n    issuerURL: https://issuer.example\n    audience: weather\n  session:\n",
    );
    let ended = cluster.apply(&namespace.name, &yaml).await?;
    assert!(ended.ok, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("Warning:"),
        "no warning: {}",
        ended.stderr
    );
    assert!(
        ended.stderr.contains("oauth"),
        "no warning of the mode: {}",
        ended.stderr
    );

    let pods = namespace.await_pods("weather", 1).await?;
    let answer = server::call(&pods[0], server::caller("session")).await?;
    assert_eq!(
        (answer.status, answer.reason()),
        (503, Some("auth_mode_unsupported"))
    );

    let status = wait::until_is(
        "PolicyReady False/Unsupported",
        || namespace.status("weather"),
        |status| conditions::of(status, "PolicyReady")["reason"] == "Unsupported",
    )
    .await?;
    assert_eq!(conditions::of(&status, "PolicyReady")["status"], "False");
    namespace.delete().await
}

/// What a dry run of deleting server `weather` says on stderr, where warnings are.
async fn said_of_deletion(namespace: &Namespace) -> anyhow::Result<String> {
    let server = "mcpservers.mcpruntime.org/weather";
    let dry = "--dry-run=server";
    let asked = ["-n", &namespace.name, "delete", server, dry];
    let ended = namespace.cluster.kubectl(&asked, "").await?;
    ensure!(ended.ok, "{}", ended.stderr);
    Ok(ended.stderr)
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_server_warns_of_the_grants_that_still_name_it() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "deleted").await?;
    let yaml = [
        server::server("weather", 0),
        server::grant("first", "weather"),
        server::grant("second", "weather"),
    ];
    namespace.create_all(&yaml.join("---\n")).await?;
    let warned = async |of: &str| {
        wait::until_is(
            &format!("a warning of {of}"),
            || said_of_deletion(&namespace),
            |said: &String| said.contains(of) && said.contains("(deleted_with_grants)"),
        )
        .await
    };
    // Each replica of the webhook hears of grants by a watch of its own.
    warned("Warning: MCPAccessGrant first and 1 more still names this server").await?;
    namespace.disable("first").await?;
    warned("Warning: MCPAccessGrant second still names this server").await?;
    namespace.disable("second").await?;
    wait::until_is(
        "no warning where every grant is disabled",
        || said_of_deletion(&namespace),
        |said: &String| !said.contains("Warning"),
    )
    .await?;
    namespace.delete().await
}
