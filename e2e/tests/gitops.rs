//! What is applied twice is the same the second time, whatever was filled in between.

use mcp_e2e::{Cluster, Namespace, cluster, routes, wait};

async fn is_the_same_the_second_time(word: &str, how: &[&str]) -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, word).await?;
    // The examples name the image of a local build; the platform here runs one of its own.
    let image = cluster.proxy_image().await?;
    for name in ["everything", "every-field", "every-word"] {
        let path = cluster::root().join(format!("deploy/examples/{name}.yaml"));
        let host = format!("{}.example.com", namespace.name);
        let yaml = std::fs::read_to_string(path)?
            .replace("mcp-runtime:dev", &image)
            .replace("mcp.example.com", &host);
        let yaml = routes::of_their_own(&namespace.name, &yaml);
        let run = async |verb: &'static str| {
            let arguments = [&["-n", &namespace.name, verb], how, &["-f", "-"]].concat();
            cluster.kubectl(&arguments, &yaml).await
        };
        let first = run("apply").await?;
        assert!(first.ok, "{name}: {}", first.stderr);
        let second = run("apply").await?;
        assert!(second.ok, "{name}: {}", second.stderr);
        // kubectl reads what there is, then asks what would be. The operator writes the status meanwhile,
        // until there is nothing more to say: only what is compared while nobody writes is a comparison.
        let versions = async || {
            let json_path = "jsonpath={..metadata.resourceVersion}";
            let get = ["-n", &namespace.name, "get", "-f", "-", "-o", json_path];
            cluster.kubectl(&get, &yaml).await
        };
        // Exit code 1 says that there is a difference.
        let diff = wait::until("a comparison while nobody writes", || async {
            let before = versions().await?.stdout;
            let diff = run("diff").await?;
            let after = versions().await?.stdout;
            Ok((!before.is_empty() && before == after).then_some(diff))
        })
        .await?;
        assert!(
            diff.ok && diff.stdout.is_empty(),
            "{name}: {}{}",
            diff.stdout,
            diff.stderr
        );
    }
    namespace.delete().await
}

#[tokio::test(flavor = "multi_thread")]
async fn applied_twice_by_kubectl_there_is_no_difference() -> anyhow::Result<()> {
    is_the_same_the_second_time("diff", &[]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn applied_twice_on_the_server_side_there_is_no_difference() -> anyhow::Result<()> {
    is_the_same_the_second_time("diffssa", &["--server-side"]).await
}
