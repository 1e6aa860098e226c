//! A real local Kubernetes cluster without a container engine.
//!
//! `cluster up` boots etcd, the API server, the controller manager, the scheduler, containerd, a kubelet, kube-proxy
//! and an agent for NetworkPolicies as plain processes of this machine, on a bridge of their own, with Traefik as a pod in front;
//! `cluster down` removes every trace. The other verbs make container images from files and load them.
//!
//! One cluster a machine: all of it lies in [`place::ROOT`], whichever checkout booted it, so a later checkout
//! finds it and can use it or take it down.
//!
//! - what runs: [`components`], on what: [`network`], [`cgroups`], [`firewall`], [`mounts`]
//! - the order of things: [`up`], [`down`], [`health`]
//! - images: [`oci`] writes them, [`images`] says what is in each, [`containerd`] imports them
//! - proof: [`smoke`]
//! - a cluster of the user's own instead: [`external`]

pub mod cache;
pub mod cert_manager;
pub mod cgroups;
pub mod checkout;
pub mod command;
pub mod components;
pub mod containerd;
pub mod dns;
pub mod down;
pub mod exec;
pub mod external;
pub mod firewall;
pub mod golang;
pub mod health;
pub mod images;
pub mod kube;
pub mod kubectl;
pub mod mounts;
pub mod network;
pub mod oci;
pub mod packages;
pub mod place;
pub mod probe;
pub mod process;
pub mod progress;
pub mod record;
pub mod smoke;
pub mod sysctl;
pub mod traefik;
pub mod up;
pub mod wait;
