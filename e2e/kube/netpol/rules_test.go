package main

import (
	"reflect"
	"strings"
	"testing"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func pod(namespace, name, ip string) *core.Pod {
	return &core.Pod{
		ObjectMeta: meta.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{"app": name}},
		Spec: core.PodSpec{InitContainers: []core.Container{{
			Ports: []core.ContainerPort{{Name: "gateway", ContainerPort: 8091}},
		}}},
		Status: core.PodStatus{PodIP: ip, Phase: core.PodRunning},
	}
}

func namespace(name string) *core.Namespace {
	return &core.Namespace{ObjectMeta: meta.ObjectMeta{Name: name, Labels: map[string]string{"kubernetes.io/metadata.name": name}}}
}

func from(name string) networking.NetworkPolicyPeer {
	return networking.NetworkPolicyPeer{NamespaceSelector: &meta.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": name}}}
}

func port(port intstr.IntOrString) []networking.NetworkPolicyPort {
	return []networking.NetworkPolicyPort{{Port: &port}}
}

// bodies are the chains that hang on a pod's address, by the option before it.
func bodies(rules ruleset, ip string) map[string][]string {
	found := map[string][]string{}
	for _, rule := range rules.entry {
		words := strings.Fields(rule)
		if words[1] == ip {
			found[words[0]] = rules.chains[words[len(words)-1]]
		}
	}
	return found
}

var (
	pods = []*core.Pod{
		pod("a", "server", "198.18.0.2"), pod("a", "near", "198.18.0.3"), pod("b", "far", "198.18.0.4"),
	}
	namespaces = []*core.Namespace{namespace("a"), namespace("b")}
)

func policy(spec networking.NetworkPolicySpec) *networking.NetworkPolicy {
	spec.PodSelector = meta.LabelSelector{MatchLabels: map[string]string{"app": "server"}}
	return &networking.NetworkPolicy{ObjectMeta: meta.ObjectMeta{Namespace: "a", Name: "p"}, Spec: spec}
}

func TestWhatNoPolicySelectsIsLeftAlone(t *testing.T) {
	rules := rulesOf(nil, pods, namespaces)
	if len(rules.entry) != 1 || len(rules.chains) != 0 {
		t.Fatalf("%v", rules)
	}
}

func TestASelectedPodIsCalledByThoseListedAtThosePorts(t *testing.T) {
	spec := networking.NetworkPolicySpec{Ingress: []networking.NetworkPolicyIngressRule{
		{From: []networking.NetworkPolicyPeer{from("b")}, Ports: port(intstr.FromInt32(9103))},
		{Ports: port(intstr.FromString("gateway"))},
		{From: []networking.NetworkPolicyPeer{{PodSelector: &meta.LabelSelector{}}}, Ports: port(intstr.FromString("nowhere"))},
	}}
	rules := rulesOf([]*networking.NetworkPolicy{policy(spec)}, pods, namespaces)
	want := map[string][]string{"-d": {
		"-p tcp --dport 8091 -j RETURN", "-s 198.18.0.4 -p tcp --dport 9103 -j RETURN", "-j DROP",
	}}
	if got := bodies(rules, "198.18.0.2"); !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	if got := bodies(rules, "198.18.0.3"); len(got) != 0 {
		t.Fatalf("its neighbour is restricted: %v", got)
	}
}

func TestEgressIsRestrictedWhereItsTypeIsListed(t *testing.T) {
	spec := networking.NetworkPolicySpec{PolicyTypes: []networking.PolicyType{networking.PolicyTypeEgress}}
	rules := rulesOf([]*networking.NetworkPolicy{policy(spec)}, pods, namespaces)
	want := map[string][]string{"-s": {"-j DROP"}}
	if got := bodies(rules, "198.18.0.2"); !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	spec.Egress = []networking.NetworkPolicyEgressRule{{To: []networking.NetworkPolicyPeer{
		{IPBlock: &networking.IPBlock{CIDR: "10.0.0.0/30", Except: []string{"10.0.0.1/32"}}},
	}}}
	rules = rulesOf([]*networking.NetworkPolicy{policy(spec)}, pods, namespaces)
	want = map[string][]string{"-s": {
		"-d 10.0.0.0/32 -j RETURN", "-d 10.0.0.2/31 -j RETURN", "-j DROP",
	}}
	if got := bodies(rules, "198.18.0.2"); !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestPoliciesAddUp(t *testing.T) {
	one := policy(networking.NetworkPolicySpec{Ingress: []networking.NetworkPolicyIngressRule{{Ports: port(intstr.FromInt32(1))}}})
	two := policy(networking.NetworkPolicySpec{Ingress: []networking.NetworkPolicyIngressRule{{Ports: port(intstr.FromInt32(2))}}})
	rules := rulesOf([]*networking.NetworkPolicy{one, two}, pods, namespaces)
	want := map[string][]string{"-d": {"-p tcp --dport 1 -j RETURN", "-p tcp --dport 2 -j RETURN", "-j DROP"}}
	if got := bodies(rules, "198.18.0.2"); !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestTheScriptMakesWhatIsMissingAndRemovesWhatIsOver(t *testing.T) {
	saved := "*mangle\n:FORWARD ACCEPT [0:0]\n:KUBE-NETPOL - [0:0]\n:KUBE-NETPOL-OLD - [0:0]\n-A FORWARD -j KUBE-NETPOL\n-A KUBE-NETPOL -j KUBE-NETPOL-OLD\nCOMMIT\n"
	rules := ruleset{entry: []string{"-j KUBE-NETPOL-NEW"}, chains: map[string][]string{"KUBE-NETPOL-NEW": {"-j DROP"}}}
	want := `*mangle
:KUBE-NETPOL - [0:0]
:KUBE-NETPOL-NEW - [0:0]
-A INPUT -j KUBE-NETPOL
-A KUBE-NETPOL -j KUBE-NETPOL-NEW
-A KUBE-NETPOL-NEW -j DROP
-F KUBE-NETPOL-OLD
-X KUBE-NETPOL-OLD
COMMIT
`
	if got := script(saved, rules); got != want {
		t.Fatalf("got:\n%s", got)
	}
}
