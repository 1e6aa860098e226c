//! Governed pods that come to an end: the proxy beside them doesn't keep them from it.

use k8s_openapi::api::batch::v1::Job;
use kube::api::ListParams;
use mcp_e2e::objects::parse;
use mcp_e2e::{Cluster, Namespace, conditions, judge, server, wait};
use serde_json::{Value, json};

/// A template of the external server's pods whose container runs `mcp-runtime <argument>`.
fn template(image: &str, argument: &str) -> anyhow::Result<Value> {
    let pod = &parse(&server::pod("ends", &server::labels("theirs")))?[0];
    let mut pod = serde_json::to_value(pod)?;
    pod["spec"]["restartPolicy"] = json!("Never");
    pod["spec"]["containers"][0]["image"] = json!(image);
    pod["spec"]["containers"][0]["command"] = json!(["/mcp-runtime", argument]);
    Ok(json!({"metadata": {"labels": pod["metadata"]["labels"]}, "spec": pod["spec"]}))
}

/// The namespace's Jobs of this name or made by a CronJob of this name, as JSON.
async fn ended(namespace: &Namespace, name: &str) -> anyhow::Result<Value> {
    wait::until(&format!("Job {name} to end"), || async {
        let jobs = namespace.api::<Job>().list(&ListParams::default()).await?;
        let jobs: Vec<Value> = jobs
            .items
            .iter()
            .map(serde_json::to_value)
            .collect::<Result<_, _>>()?;
        Ok(jobs.into_iter().find(|job| {
            let named = job["metadata"]["name"]
                .as_str()
                .is_some_and(|found| found.starts_with(name));
            named && condition(job).is_some()
        }))
    })
    .await
}

/// `Complete` or `Failed`, once it is so.
fn condition(job: &Value) -> Option<&'static str> {
    ["Complete", "Failed"]
        .into_iter()
        .find(|kind| conditions::holds(&job["status"], kind))
}

/// The exit code of the one pod of a Job, which had its proxy and whose proxy has ended too.
async fn exit_code(namespace: &Namespace, job: &Value, image: &str) -> anyhow::Result<Value> {
    let job = job["metadata"]["name"].as_str().unwrap_or_default();
    let is_of_it = |pod: &&Value| pod["metadata"]["labels"]["batch.kubernetes.io/job-name"] == job;
    let pods = namespace.pods_as_json().await?;
    let pods: Vec<&Value> = pods.iter().filter(is_of_it).collect();
    assert_eq!(pods.len(), 1, "{pods:#?}");
    assert_eq!(judge::flaws(pods[0], image), Vec::<String>::new());
    let status = &pods[0]["status"];
    let proxy = &status["initContainerStatuses"][0];
    assert!(proxy["state"]["terminated"].is_object(), "{proxy}");
    Ok(status["containerStatuses"][0]["state"]["terminated"]["exitCode"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_governed_job_ends_as_its_container_does() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "job").await?;
    let image = cluster.proxy_image().await?;
    namespace.external_server("theirs").await?;
    let cases = [
        ("done", "--help", "Complete", 0),
        ("undone", "--no-such-flag", "Failed", 2),
    ];
    for (name, argument, _, _) in cases {
        let job = json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": name},
            "spec": {"backoffLimit": 0, "template": template(&image, argument)?},
        });
        namespace.create_all(&job.to_string()).await?;
    }
    for (name, _, how, code) in cases {
        let job = ended(&namespace, name).await?;
        assert_eq!(condition(&job), Some(how), "{job}");
        assert_eq!(exit_code(&namespace, &job, &image).await?, code, "{name}");
    }
    namespace.delete().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_governed_cron_jobs_job_completes() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "cronjob").await?;
    let image = cluster.proxy_image().await?;
    namespace.external_server("theirs").await?;
    let cron_job = json!({
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "minutely"},
        "spec": {
            "schedule": "* * * * *",
            "concurrencyPolicy": "Forbid",
            "jobTemplate": {"spec": {"backoffLimit": 0, "template": template(&image, "--help")?}},
        },
    });
    namespace.create_all(&cron_job.to_string()).await?;
    let job = ended(&namespace, "minutely").await?;
    assert_eq!(condition(&job), Some("Complete"), "{job}");
    assert_eq!(job["metadata"]["ownerReferences"][0]["kind"], "CronJob");
    assert_eq!(exit_code(&namespace, &job, &image).await?, 0);
    namespace.delete().await
}
