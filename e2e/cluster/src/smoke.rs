//! Is it a real one? Everything that the project's tests rely on, tried once on the running cluster.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::progress::{say, step};
use crate::{kubectl, place, probe, wait};

/// How long anything may take on a machine that compiles besides.
const PATIENCE: Duration = Duration::from_secs(60);
/// How soon a changed ConfigMap has to be seen in a pod once the pod was touched. Mostly it takes a quarter of a second,
/// on a busy machine a second now and then; without the touch it takes a minute or more.
const TOUCH_LIMIT: Duration = Duration::from_secs(5);

/// Tries the cluster in a namespace of its own.
///
/// # Errors
/// The first thing that doesn't work.
pub fn smoke() -> Result<()> {
    let namespace = Namespace::create()?;
    let pod_ip = step("pod of two containers Ready", || namespace.pod())?;
    let service_ip = step("Service answers from the host", || namespace.service())?;
    step(
        "exec, and the pod reaches itself through its Service",
        || namespace.hairpin(&service_ip),
    )?;
    step("names are resolved in pods", || namespace.names())?;
    step("pods reach the API server by its Service", || {
        namespace.api_server_from_pod()
    })?;
    step("the API server reaches pods", || {
        namespace.pod_from_api_server()
    })?;
    step("logs", || namespace.logs())?;
    step("accounts may do no more than they are given", || {
        namespace.rbac()
    })?;
    step("an Ingress gets its address and its route", || {
        namespace.ingress()
    })?;
    let seen = step("ConfigMap change seen after a touch, five times", || {
        namespace.touches(&pod_ip)
    })?;
    say(&format!(
        "           seen after {} ms; at most {} allowed",
        shown(&seen),
        TOUCH_LIMIT.as_millis()
    ));
    ensure!(
        seen.iter().all(|time| *time <= TOUCH_LIMIT),
        "a change was seen too late"
    );
    Ok(())
}

/// Deleted when it goes out of scope, whatever happened in it.
struct Namespace {
    name: String,
}

impl Namespace {
    fn create() -> Result<Self> {
        let namespace = Self {
            name: format!("cluster-smoke-{}", std::process::id()),
        };
        let object = json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": namespace.name,
                "labels": { "pod-security.kubernetes.io/enforce": "restricted" },
            },
        });
        kubectl::apply(&object.to_string(), "default")?;
        // Pods are refused until the namespace's account is there.
        wait::until("ServiceAccount default", PATIENCE, || {
            Ok(namespace
                .kubectl(&["get", "serviceaccount", "default"])
                .map_err(|error| format!("{error:#}")))
        })?;
        kubectl::apply(include_str!("../manifests/smoke.yaml"), &namespace.name)?;
        Ok(namespace)
    }

    /// The pod's address, once it is Ready.
    fn pod(&self) -> Result<String> {
        wait::until("pod Ready", PATIENCE, || {
            let pod = self.get(&["pod", "smoke"])?;
            let ip = pod.pointer("/status/podIP").and_then(Value::as_str);
            Ok(
                match ip.filter(|_| kubectl::condition(&pod, "Ready") == "True") {
                    Some(ip) => Ok(ip.to_owned()),
                    None => Err(pod.get("status").map(Value::to_string).unwrap_or_default()),
                },
            )
        })
    }

    /// The Service's address, once it answers.
    fn service(&self) -> Result<String> {
        let service = self.get(&["service", "smoke"])?;
        let ip = service
            .pointer("/spec/clusterIP")
            .and_then(Value::as_str)
            .context("the Service has no address")?;
        wait::until("Service", PATIENCE, || {
            Ok(answer(&format!("{ip}:80"), "/value", "first"))
        })?;
        Ok(ip.to_owned())
    }

    fn hairpin(&self, service_ip: &str) -> Result<()> {
        let url = format!("http://{service_ip}/value");
        equal(
            &self.kubectl(&["exec", "smoke", "-c", "server", "--", "/probe", "get", &url])?,
            "first",
        )
    }

    fn names(&self) -> Result<()> {
        let url = format!("http://smoke.{}.svc.cluster.local/value", self.name);
        equal(
            &self.kubectl(&["exec", "smoke", "-c", "server", "--", "/probe", "get", &url])?,
            "first",
        )
    }

    fn api_server_from_pod(&self) -> Result<()> {
        let url = format!("https://{}/livez", place::API_SERVICE_IP);
        equal(
            &self.kubectl(&["exec", "smoke", "-c", "server", "--", "/probe", "get", &url])?,
            "ok",
        )
    }

    fn pod_from_api_server(&self) -> Result<()> {
        let path = format!(
            "/api/v1/namespaces/{}/services/http:smoke:http/proxy/value",
            self.name
        );
        equal(&self.kubectl(&["get", "--raw", &path])?, "first")
    }

    fn logs(&self) -> Result<()> {
        equal(
            self.kubectl(&["logs", "smoke", "-c", "sidecar"])?.trim(),
            "probe: serving /config on :8091",
        )
    }

    fn rbac(&self) -> Result<()> {
        let account = format!("--as=system:serviceaccount:{}:default", self.name);
        let Err(refusal) = self.kubectl(&["get", "configmap", "smoke", &account]) else {
            bail!("an account without a role could read a ConfigMap");
        };
        ensure!(
            refusal.to_string().contains("Forbidden"),
            "refused for another reason: {refusal:#}"
        );
        Ok(())
    }

    fn ingress(&self) -> Result<()> {
        let path = format!("/{}/value", self.name);
        let backend = json!({ "service": { "name": "smoke", "port": { "name": "http" } } });
        let rule = json!({ "http": { "paths": [{ "path": path, "pathType": "Exact", "backend": backend }] } });
        let ingress = json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": { "name": "smoke" },
            "spec": { "ingressClassName": "traefik", "rules": [rule] },
        });
        kubectl::apply(&ingress.to_string(), &self.name)?;
        let address = place::MCP_URL.trim_start_matches("http://");
        // The path isn't rewritten, so it is the file server's own 404 that comes back, which names no route.
        wait::until("route", PATIENCE, || {
            let logged = "404 page not found\n";
            Ok(match probe::get(address, &path) {
                Ok((404, body)) if body == logged => self.has_address(),
                other => Err(format!("{other:?}")),
            })
        })
    }

    fn has_address(&self) -> Result<(), String> {
        let ingress = self
            .get(&["ingress", "smoke"])
            .map_err(|error| format!("{error:#}"))?;
        let address = ingress
            .pointer("/status/loadBalancer/ingress/0/ip")
            .and_then(Value::as_str);
        if address == Some(place::NODE_IP) {
            Ok(())
        } else {
            Err(format!("address is {address:?}"))
        }
    }

    /// Changes the ConfigMap and touches the pod; gives the times from the touch until the file was new.
    fn touches(&self, pod_ip: &str) -> Result<Vec<Duration>> {
        (1..=5)
            .map(|turn| self.touch(pod_ip, &format!("turn-{turn}")))
            .collect()
    }

    fn touch(&self, pod_ip: &str, value: &str) -> Result<Duration> {
        let patch = json!({ "data": { "value": value } }).to_string();
        self.kubectl(&[
            "patch",
            "configmap",
            "smoke",
            "--type=merge",
            "--patch",
            &patch,
        ])?;
        let touched = Instant::now();
        self.kubectl(&[
            "annotate",
            "--overwrite",
            "pod",
            "smoke",
            &format!("touch={value}"),
        ])?;
        wait::until("changed file", PATIENCE, || {
            Ok(answer(&format!("{pod_ip}:8088"), "/value", value))
        })?;
        Ok(touched.elapsed())
    }

    fn get(&self, args: &[&str]) -> Result<Value> {
        kubectl::get(&[args, &["--namespace", &self.name]].concat())
    }

    fn kubectl(&self, args: &[&str]) -> Result<String> {
        // In front: behind `--` they would be the container's.
        kubectl::run(&[&["--namespace", &self.name], args].concat())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Err(error) = kubectl::run(&["delete", "namespace", &self.name, "--wait=false"]) {
            say(&format!(
                "           namespace {} stays: {error:#}",
                self.name
            ));
        }
    }
}

fn answer(address: &str, path: &str, expected: &str) -> Result<(), String> {
    match probe::get(address, path) {
        Ok((200, body)) if body == expected => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

fn equal(found: &str, expected: &str) -> Result<()> {
    ensure!(
        found == expected,
        "{expected:?} was expected, {found:?} came"
    );
    Ok(())
}

fn shown(times: &[Duration]) -> String {
    times
        .iter()
        .map(|time| time.as_millis().to_string())
        .collect::<Vec<_>>()
        .join(", ")
}
