package main

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// The chain that everything begins in; the others are called after it, and
// `cluster down` removes chains by their first word.
const root = "KUBE-NETPOL"

// ruleset is what the packet filter is to have. In a chain, RETURN lets pass as
// far as that chain is concerned, and its end drops.
type ruleset struct {
	entry  []string
	chains map[string][]string
}

func (r ruleset) names() []string {
	return slices.Sorted(maps.Keys(r.chains))
}

// direction is one of the two ways that a policy may restrict.
type direction struct {
	kind networking.PolicyType
	// How a rule names the restricted pod, and how the other side.
	pod, peer string
}

var directions = []direction{
	{networking.PolicyTypeEgress, "-s", "-d"},
	{networking.PolicyTypeIngress, "-d", "-s"},
}

// rule is an ingress or egress rule: they are alike.
type rule struct {
	peers []networking.NetworkPolicyPeer
	ports []networking.NetworkPolicyPort
}

// rulesOf gives the rules for all policies. Connections once allowed stay so,
// and so does what a pod sends to itself; pods on the node's own network are no
// pods to a policy, neither to restrict nor to allow.
func rulesOf(policies []*networking.NetworkPolicy, pods []*core.Pod, namespaces []*core.Namespace) ruleset {
	all := world{pods: pods, namespaces: map[string]labels.Set{}}
	for _, namespace := range namespaces {
		all.namespaces[namespace.Name] = namespace.Labels
	}
	all.pods = slices.DeleteFunc(slices.Clone(pods), func(pod *core.Pod) bool { return !onPodNetwork(pod) })
	slices.SortFunc(all.pods, func(a, b *core.Pod) int { return strings.Compare(a.Status.PodIP, b.Status.PodIP) })
	out := ruleset{
		entry:  []string{"-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN"},
		chains: map[string][]string{},
	}
	for _, direction := range directions {
		for _, pod := range all.pods {
			restricted, allowed := all.allowed(direction, policies, pod)
			if !restricted {
				continue
			}
			body := append(allowed, "-j DROP")
			// Pods with the same rules, such as a Deployment's, share a chain.
			name := fmt.Sprintf("%s-%X", root, sha256.Sum256([]byte(strings.Join(body, "\n"))))[:28]
			out.chains[name] = body
			ip := pod.Status.PodIP
			out.entry = append(out.entry,
				fmt.Sprintf("%s %s ! %s %s -j %s", direction.pod, ip, direction.peer, ip, name))
		}
	}
	return out
}

func onPodNetwork(pod *core.Pod) bool {
	ended := pod.Status.Phase == core.PodSucceeded || pod.Status.Phase == core.PodFailed
	return pod.Status.PodIP != "" && !pod.Spec.HostNetwork && !ended
}

// world is what selectors select from.
type world struct {
	pods       []*core.Pod
	namespaces map[string]labels.Set
}

// allowed says whether any policy restricts the pod in this direction, and what
// all those that do allow together.
func (w world) allowed(way direction, policies []*networking.NetworkPolicy, pod *core.Pod) (bool, []string) {
	restricted := false
	var out []string
	for _, policy := range policies {
		if policy.Namespace != pod.Namespace || !slices.Contains(policyTypes(policy), way.kind) || !matches(&policy.Spec.PodSelector, pod.Labels) {
			continue
		}
		restricted = true
		for _, rule := range rules(way, policy) {
			out = append(out, w.lines(way, policy.Namespace, rule, pod)...)
		}
	}
	slices.Sort(out)
	return restricted, slices.Compact(out)
}

// policyTypes gives a policy's directions; the API server fills them in, files
// in tests needn't.
func policyTypes(policy *networking.NetworkPolicy) []networking.PolicyType {
	if len(policy.Spec.PolicyTypes) > 0 {
		return policy.Spec.PolicyTypes
	}
	types := []networking.PolicyType{networking.PolicyTypeIngress}
	if len(policy.Spec.Egress) > 0 {
		types = append(types, networking.PolicyTypeEgress)
	}
	return types
}

func rules(way direction, policy *networking.NetworkPolicy) []rule {
	var out []rule
	if way.kind == networking.PolicyTypeIngress {
		for _, ingress := range policy.Spec.Ingress {
			out = append(out, rule{ingress.From, ingress.Ports})
		}
		return out
	}
	for _, egress := range policy.Spec.Egress {
		out = append(out, rule{egress.To, egress.Ports})
	}
	return out
}

// lines are one policy rule's: each peer with each port.
func (w world) lines(way direction, namespace string, rule rule, pod *core.Pod) []string {
	var out []string
	for _, peer := range w.peers(namespace, rule.peers) {
		// A port's name is that of the pod which is called.
		called := pod
		if way.kind == networking.PolicyTypeEgress {
			called = peer.pod
		}
		for _, port := range ports(rule.ports, called) {
			address := ""
			if peer.address != "" {
				address = way.peer + " " + peer.address + " "
			}
			out = append(out, address+port+"-j RETURN")
		}
	}
	return out
}

// peer is one address or network; no address is every one.
type peer struct {
	address string
	pod     *core.Pod
}

func (w world) peers(namespace string, from []networking.NetworkPolicyPeer) []peer {
	if len(from) == 0 {
		return []peer{{}}
	}
	var out []peer
	for _, one := range from {
		if one.IPBlock != nil {
			for _, network := range block(one.IPBlock) {
				out = append(out, peer{address: network.String()})
			}
			continue
		}
		for _, pod := range w.pods {
			inside := pod.Namespace == namespace
			if one.NamespaceSelector != nil {
				inside = matches(one.NamespaceSelector, w.namespaces[pod.Namespace])
			}
			if inside && (one.PodSelector == nil || matches(one.PodSelector, pod.Labels)) {
				out = append(out, peer{pod.Status.PodIP, pod})
			}
		}
	}
	return out
}

// ports are a rule's ports as iptables has them; a name that the called pod
// doesn't have is no port at all.
func ports(of []networking.NetworkPolicyPort, called *core.Pod) []string {
	if len(of) == 0 {
		return []string{""}
	}
	var out []string
	for _, port := range of {
		protocol := core.ProtocolTCP
		if port.Protocol != nil {
			protocol = *port.Protocol
		}
		match := "-p " + strings.ToLower(string(protocol)) + " "
		switch {
		case port.Port == nil:
			out = append(out, match)
		case port.EndPort != nil:
			out = append(out, fmt.Sprintf("%s--dport %d:%d ", match, port.Port.IntVal, *port.EndPort))
		case port.Port.Type == intstr.Int:
			out = append(out, fmt.Sprintf("%s--dport %d ", match, port.Port.IntVal))
		default:
			if number := named(called, port.Port.StrVal, protocol); number != 0 {
				out = append(out, fmt.Sprintf("%s--dport %d ", match, number))
			}
		}
	}
	return out
}

// named looks among the init containers too: a native sidecar has ports.
func named(pod *core.Pod, name string, protocol core.Protocol) int32 {
	if pod == nil {
		return 0
	}
	for _, container := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		for _, port := range container.Ports {
			if port.Name == name && (port.Protocol == protocol || port.Protocol == "" && protocol == core.ProtocolTCP) {
				return port.ContainerPort
			}
		}
	}
	return 0
}

// block gives the networks of an ipBlock without its exceptions. This cluster
// has IPv4 alone: of the other family there is nothing to match.
func block(of *networking.IPBlock) []netip.Prefix {
	whole, err := netip.ParsePrefix(of.CIDR)
	if err != nil || !whole.Addr().Is4() {
		return nil
	}
	out := []netip.Prefix{whole.Masked()}
	for _, text := range of.Except {
		except, err := netip.ParsePrefix(text)
		if err != nil {
			continue
		}
		var left []netip.Prefix
		for _, network := range out {
			left = append(left, without(network, except.Masked())...)
		}
		out = left
	}
	return out
}

// without halves a network until its parts lie inside or outside of except.
func without(network, except netip.Prefix) []netip.Prefix {
	if !network.Overlaps(except) {
		return []netip.Prefix{network}
	}
	if except.Bits() <= network.Bits() {
		return nil
	}
	bits := network.Bits()
	low := netip.PrefixFrom(network.Addr(), bits+1)
	bytes := network.Addr().As4()
	bytes[bits/8] |= 1 << (7 - bits%8)
	high := netip.PrefixFrom(netip.AddrFrom4(bytes), bits+1)
	return append(without(low, except), without(high, except)...)
}

// matches is the selector's own test; one that can't be read selects nothing.
func matches(selector *meta.LabelSelector, of map[string]string) bool {
	parsed, err := meta.LabelSelectorAsSelector(selector)
	return err == nil && parsed.Matches(labels.Set(of))
}
