// Command netpol enforces the cluster's NetworkPolicies (networking.k8s.io/v1)
// on its one node: pods, namespaces and policies become the rules of one chain
// of iptables' mangle table, rewritten as a whole when they would differ.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	core "k8s.io/client-go/listers/core/v1"
	networking "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

// Changes that come together are written together.
const together = 20 * time.Millisecond

// After a failure.
const again = time.Second

func main() {
	log.SetFlags(log.LstdFlags | log.Lmicroseconds)
	kubeconfig := flag.String("kubeconfig", "", "the file with the cluster's address and a client that may list pods, namespaces and NetworkPolicies")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *kubeconfig); err != nil {
		log.Fatalf("netpol: %v", err)
	}
}

// agent keeps the rules as the listers want them.
type agent struct {
	pods       core.PodLister
	namespaces core.NamespaceLister
	policies   networking.NetworkPolicyLister
	filter     filter
}

func run(ctx context.Context, kubeconfig string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	pods, namespaces, policies := factory.Core().V1().Pods(), factory.Core().V1().Namespaces(), factory.Networking().V1().NetworkPolicies()
	changed := make(chan struct{}, 1)
	tell := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	for _, informer := range []cache.SharedIndexInformer{pods.Informer(), namespaces.Informer(), policies.Informer()} {
		_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { tell() },
			UpdateFunc: func(any, any) { tell() },
			DeleteFunc: func(any) { tell() },
		})
		if err != nil {
			return err
		}
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	tell()
	agent := agent{pods: pods.Lister(), namespaces: namespaces.Lister(), policies: policies.Lister()}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
		if err := agent.sync(); err != nil {
			log.Printf("rules not written: %v", err)
			time.AfterFunc(again, tell)
		}
		time.Sleep(together)
	}
}

func (a *agent) sync() error {
	pods, err := a.pods.List(labels.Everything())
	if err != nil {
		return err
	}
	namespaces, err := a.namespaces.List(labels.Everything())
	if err != nil {
		return err
	}
	policies, err := a.policies.List(labels.Everything())
	if err != nil {
		return err
	}
	return a.filter.write(rulesOf(policies, pods, namespaces))
}
