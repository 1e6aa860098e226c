# shellcheck shell=bash
# What the scripts beside it share. They source it at the checkout's root, with `set -euo pipefail`.

# Everything is built first, and nothing is linked without a C compiler: cargo says so late, and at length.
for tool in cargo cc; do
  command -v "$tool" >/dev/null || { echo "e2e: $tool is needed and isn't installed" >&2; exit 2; }
done

cluster() { cargo run --quiet --package mcp-e2e-cluster --bin cluster -- "$@"; }

# Whether this checkout's cluster can be used. Without .cluster/env it has none, and nothing is built to ask.
running() { [[ -e .cluster/env ]] && cluster status; }

# A cluster with a cert-manager, which the tests of the webhook's certificate switch to.
bring_up() {
  cluster up >"$scratch/booting"
  if [[ ${MCP_CLUSTER:-local} == local ]]; then cluster cert-manager; fi
}

# From now on the script's end, whatever it is, takes down what bring_up booted, and nothing else.
take_down_at_end() {
  scratch=$(mktemp -d)
  booting=
  trap finish EXIT
}

# With `booting` the id of a bring_up in the background.
finish() {
  local code=$?
  if [[ -n $booting ]]; then wait "$booting" 2>/dev/null || true; fi
  if [[ -s $scratch/booting ]]; then
    if ((code != 0)); then keep_evidence || true; fi
    cluster down >&2 || code=1
  fi
  rm -rf "$scratch"
  echo "== all: $SECONDS s, exit $code" >&2
  exit "$code"
}

# What shows why something failed, out of a cluster that is about to go.
keep_evidence() {
  local root=/var/lib/mcp-runtime-cluster to=target/e2e-failure kind
  rm -rf "$to"
  mkdir -p "$to"
  cp -r "$root/logs" "$to/components"
  cp -r "$root/pod-logs" "$to/pod-logs"
  for kind in events pods; do
    KUBECONFIG=$root/credentials/admin.kubeconfig "$root/bin/kubectl" get "$kind" --all-namespaces --output yaml \
      --request-timeout 10s >"$to/$kind.yaml"
  done
  echo "== logs, events and pods of the cluster: $to" >&2
}
