//! `inject`, `uninject` and `explain-injection` over manifests.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::run::{Ended, run};

const SERVERS: &str = "
apiVersion: mcpruntime.org/v1alpha1
kind: MCPServer
metadata: {name: shop, namespace: team-a}
spec: {workload: external, gateway: {enabled: true}}
---
apiVersion: mcpruntime.org/v1alpha1
kind: MCPServer
metadata: {name: managed, namespace: team-a}
spec: {image: 'managed:1', gateway: {enabled: true}}
";
const SETTINGS: &str = "proxyImages: ['registry.example.org/mcp-runtime:v1']\n";

/// A Service, and a Deployment whose strings YAML would take for something else.
const APP: &str = "
apiVersion: v1
kind: Service
metadata: {name: shop, namespace: team-a}
spec: {ports: [{port: 80, targetPort: mcp-proxy}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, namespace: team-a, annotations: {on: 'yes', when: '2026-01-01'}}
spec:
  replicas: 2
  template:
    metadata:
      labels: {mcpruntime.org/server: shop, mcpruntime.org/gateway: required}
    spec:
      tomorrow: {kept: [null, 2.5]}
      containers:
        - name: shop
          image: shop:1
          env:
            - {name: A, value: '0x1F'}
            - {name: B, value: 'null'}
            - {name: C, value: '1:20'}
            - {name: D, value: ''}
            - {name: E, value: \"two\\nlines  \\n\\n\"}
            - {name: F, value: ' a long text that is longer than one line of YAML has to be, with: colons # and more '}
";

struct Files {
    folder: TempDir,
}

impl Files {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = Self { folder };
        files.write("servers.yaml", SERVERS);
        files.write("settings.yaml", SETTINGS);
        files
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Runs a command that knows servers and settings with this on stdin.
    fn run(&self, command: &str, more: &[&str], stdin: &str) -> Ended {
        let path = |name| self.folder.path().join(name).to_str().unwrap().to_owned();
        let (servers, settings) = (path("servers.yaml"), path("settings.yaml"));
        let mut args = vec![command, "-f", "-", "--objects", &servers];
        args.extend(["--settings", &settings]);
        args.extend(more);
        run(&args, stdin)
    }
}

fn documents(yaml: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(yaml).unwrap()
}

/// An object of a kind, its pods governed by `server`.
fn workload(api_version: &str, kind: &str, server: &str) -> Value {
    let template = json!({
        "metadata": {"labels": {"mcpruntime.org/server": server, "mcpruntime.org/gateway": "required"}},
        "spec": {"containers": [{"name": "shop", "image": "shop:1"}]},
    });
    let mut object = match kind {
        "Pod" => template,
        "CronJob" => json!({"spec": {"jobTemplate": {"spec": {"template": template}}}}),
        _ => json!({"spec": {"template": template}}),
    };
    object["apiVersion"] = api_version.into();
    object["kind"] = kind.into();
    object["metadata"]["name"] = "shop".into();
    object["metadata"]["namespace"] = "team-a".into();
    object
}

#[test]
fn a_deployment_gets_the_proxy_and_a_service_passes() {
    let ended = Files::new().run("inject", &[], APP);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    let (before, after) = (documents(APP), documents(&ended.stdout));
    assert_eq!(after.len(), 2);
    assert_eq!(after[0], before[0]);
    let spec = &after[1]["spec"]["template"]["spec"];
    assert_eq!(spec["initContainers"][0]["name"], "mcp-proxy");
    assert_eq!(
        spec["containers"],
        before[1]["spec"]["template"]["spec"]["containers"]
    );
}

#[test]
fn uninject_gives_back_every_document() {
    let injected = Files::new().run("inject", &[], APP);
    let back = run(&["uninject", "-f", "-"], &injected.stdout);
    assert_eq!(back.code, 0, "{}", back.stderr);
    let (back, before) = (documents(&back.stdout), documents(APP));
    assert_eq!(json!(back).to_string(), json!(before).to_string());
}

#[test]
fn json_lines_are_read_as_they_are_written() {
    let files = Files::new();
    let injected = files.run("inject", &["-o", "json"], APP);
    assert_eq!(injected.json_lines().len(), 2);
    let back = run(&["uninject", "-f", "-", "-o", "json"], &injected.stdout);
    assert_eq!(json!(back.json_lines()), json!(documents(APP)));
}

#[test]
fn the_patch_is_one_of_the_document() {
    for (api_version, kind, place) in [
        ("v1", "Pod", ""),
        ("apps/v1", "Deployment", "/spec/template"),
        ("apps/v1", "StatefulSet", "/spec/template"),
        ("apps/v1", "DaemonSet", "/spec/template"),
        ("apps/v1", "ReplicaSet", "/spec/template"),
        ("batch/v1", "Job", "/spec/template"),
        ("batch/v1", "CronJob", "/spec/jobTemplate/spec/template"),
    ] {
        let files = Files::new();
        let mut object = workload(api_version, kind, "shop");
        let stdin = object.to_string();
        let patch = files.run("inject", &["-o", "patch"], &stdin);
        let patch = patch.json_lines().remove(0);
        let paths: Vec<_> = patch
            .as_array()
            .unwrap()
            .iter()
            .map(|op| &op["path"])
            .collect();
        let expected = [
            "/spec/initContainers",
            "/spec/volumes",
            "/metadata/annotations",
        ];
        assert_eq!(
            json!(paths),
            json!(expected.map(|path| format!("{place}{path}"))),
            "{kind}"
        );
        let operations: json_patch::Patch = serde_json::from_value(patch).unwrap();
        json_patch::patch(&mut object, &operations).unwrap();
        let whole = files.run("inject", &["-o", "json"], &stdin);
        assert_eq!(whole.json_lines(), [object.clone()], "{kind}");
        let again = files.run("inject", &["-o", "patch"], &object.to_string());
        assert_eq!(again.stdout, "[]\n", "{kind}");
    }
}

#[test]
fn the_items_of_a_list_are_injected_where_they_are() {
    let job = workload("batch/v1", "Job", "shop");
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [{"kind": "ConfigMap"}, job]});
    // In its own namespace, whatever that of objects without one is.
    let ended = Files::new().run("inject", &["-o", "json", "-n", "other"], &list.to_string());
    let after = ended.json_lines().remove(0);
    assert_eq!(after["items"][0], list["items"][0]);
    let spec = &after["items"][1]["spec"]["template"]["spec"];
    assert_eq!(spec["initContainers"][0]["name"], "mcp-proxy");
}

#[test]
fn each_document_is_explained_in_the_words_of_the_webhook() {
    let mut host = workload("apps/v1", "Deployment", "shop");
    host["spec"]["template"]["spec"]["hostNetwork"] = true.into();
    let mut free = workload("v1", "Pod", "shop");
    free["metadata"]["labels"] = json!({});
    let files = Files::new();
    let injected = files.run(
        "inject",
        &["-o", "json"],
        &workload("v1", "Pod", "shop").to_string(),
    );
    let stdin = [
        json!({"apiVersion": "v1", "kind": "Service"}).to_string(),
        free.to_string(),
        workload("v1", "Pod", "shop").to_string(),
        workload("apps/v1", "Deployment", "managed").to_string(),
        injected.stdout,
        host.to_string(),
        workload("v1", "Pod", "nobody").to_string(),
        workload("v1", "Pod", "").to_string(),
    ]
    .join("\n");
    let ended = files.run("explain-injection", &["-o", "json"], &stdin);
    let line = |code: &str, result: &str, field: &str, message: &str| json!({"code": code, "result": result, "message": message, "field": field});
    let label = "metadata.labels[mcpruntime.org/server]";
    assert_eq!(
        json!(ended.json_lines()),
        json!([
            line("NotGoverned", "allow", "", "has no pods"),
            line(
                "NotGoverned",
                "allow",
                "",
                "isn't labelled mcpruntime.org/gateway: required"
            ),
            line("Injected", "patch", "", "gets the proxy of MCPServer shop"),
            line(
                "Injected",
                "patch",
                "",
                "gets the proxy of MCPServer managed, in the cluster only as a pod of the server's own Deployment"
            ),
            line("AlreadyInjected", "allow", "", "has its proxy already"),
            line(
                "HostNetwork",
                "deny",
                "spec.template.spec.hostNetwork",
                "true in a governed pod: the server would be reached on the node's address, past the proxy; leave it out"
            ),
            line(
                "ServerNotFound",
                "deny",
                label,
                "\"nobody\": there is no MCPServer of this name in namespace team-a; apply the MCPServer first, or correct the label"
            ),
            line(
                "ServerNotFound",
                "deny",
                label,
                "missing, while mcpruntime.org/gateway is required; name the MCPServer in it, or leave mcpruntime.org/gateway out"
            ),
        ])
    );
    assert_eq!(ended.code, 1);
}

#[test]
fn an_explanation_for_people_names_the_document() {
    let ended = Files::new().run("explain-injection", &[], APP);
    assert_eq!(
        ended.stdout,
        "stdin: Service team-a/shop: allow NotGoverned: has no pods\n\
         stdin: Deployment team-a/shop: patch Injected: gets the proxy of MCPServer shop\n"
    );
    assert_eq!(ended.code, 0);
}

#[test]
fn where_one_pod_is_refused_nothing_is_written() {
    let mut bad = workload("batch/v1", "CronJob", "shop");
    bad["spec"]["jobTemplate"]["spec"]["template"]["spec"]["hostPID"] = true.into();
    let good = workload("v1", "Pod", "shop");
    let ended = Files::new().run("inject", &[], &format!("{good}\n{bad}"));
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""));
    assert_eq!(
        ended.stderr,
        "stdin: CronJob team-a/shop: HostPID: spec.jobTemplate.spec.template.spec.hostPID: \
         true in a governed pod: the server could see and end proxies of the node; leave it out\n"
    );
}

#[test]
fn servers_among_the_manifests_count_and_an_invalid_one_is_said_to_be_so() {
    let files = Files::new();
    let settings = files.write("s.yaml", SETTINGS);
    let folder = tempfile::tempdir().unwrap();
    let server = |port: u16| {
        json!({
            "apiVersion": "mcpruntime.org/v1alpha1",
            "kind": "MCPServer",
            "metadata": {"name": "shop", "namespace": "team-a"},
            "spec": {"workload": "external", "port": port, "gateway": {"enabled": true}},
        })
    };
    std::fs::create_dir(folder.path().join("below")).unwrap();
    let pod = workload("v1", "Pod", "shop").to_string();
    std::fs::write(folder.path().join("below/pod.json"), pod).unwrap();
    let explain = |port| {
        std::fs::write(folder.path().join("server.json"), server(port).to_string()).unwrap();
        let path = folder.path().to_str().unwrap();
        let args = [
            "explain-injection",
            "-f",
            path,
            "--settings",
            &settings,
            "-o",
            "json",
        ];
        let ended = run(&args, "");
        (ended.code, ended.json_lines()[0]["code"].clone())
    };
    assert_eq!(explain(8088), (0, json!("Injected")));
    assert_eq!(explain(8091), (1, json!("InvalidServer")));
}

#[test]
fn without_settings_it_says_how_to_give_them() {
    let files = Files::new();
    let servers = files.write("servers.yaml", SERVERS);
    let ended = run(&["inject", "-f", "-", "--objects", &servers], APP);
    assert_eq!((ended.code, ended.stdout.as_str()), (2, ""));
    assert_eq!(
        ended.stderr,
        "error: stdin: Deployment team-a/shop (settings are given by --settings): the platform's \
         settings name no proxy image (proxyImages in ConfigMap mcp-runtime-settings)\n"
    );
}

#[test]
fn a_container_that_no_injector_stamped_is_not_taken_out() {
    let mut pod = workload("v1", "Pod", "shop");
    pod["spec"]["initContainers"] = json!([{"name": "mcp-proxy"}]);
    let ended = run(&["uninject", "-f", "-"], &pod.to_string());
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""));
    assert!(
        ended
            .stderr
            .starts_with("stdin: Pod team-a/shop: container mcp-proxy without"),
        "{}",
        ended.stderr
    );
}

#[test]
fn what_cannot_be_read_is_a_usage_error_that_names_it() {
    for (args, stdin, said) in [
        (&["uninject", "-f", "-"][..], "a: [", "can't read stdin"),
        (&["inject", "-f", "/nowhere"], "", "can't read /nowhere"),
        (&["explain-injection"], "", "--filename"),
        (
            &["uninject", "-f", "-", "-o", "patch"],
            "",
            "invalid value 'patch'",
        ),
    ] {
        let ended = run(args, stdin);
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{args:?}");
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
}
