package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// clients are those who talk to the API server, each with the user and group
// that the built-in RBAC roles and the node authorizer know them by.
func clients(node string) map[string]pkix.Name {
	return map[string]pkix.Name{
		"admin":                   {CommonName: "admin", Organization: []string{"system:masters"}},
		"kube-controller-manager": {CommonName: "system:kube-controller-manager"},
		"kube-scheduler":          {CommonName: "system:kube-scheduler"},
		"kube-proxy":              {CommonName: "system:kube-proxy"},
		"kubelet":                 {CommonName: "system:node:" + node, Organization: []string{"system:nodes"}},
	}
}

// newCredentialsCommand writes everything by which the parts of one cluster
// know each other: a CA, serving certificates, the key that signs
// service-account tokens, and a kubeconfig for each client.
func newCredentialsCommand() *cobra.Command {
	var dir, server, node string
	var nodeIP, serviceIP net.IP
	command := &cobra.Command{
		Use:   "credentials",
		Short: "Write a new cluster's certificates, keys and kubeconfigs",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return writeCredentials(dir, server, node, nodeIP, serviceIP)
		},
	}
	flags := command.Flags()
	flags.StringVar(&dir, "dir", "", "folder to write to; it must exist")
	flags.StringVar(&server, "server", "", "URL of the API server for the kubeconfigs")
	flags.StringVar(&node, "node", "", "name of the one node")
	flags.IPVar(&nodeIP, "node-ip", nil, "address of the node, which the API server and the kubelet serve on")
	flags.IPVar(&serviceIP, "service-ip", nil, "cluster IP of Service default/kubernetes")
	for _, name := range []string{"dir", "server", "node", "node-ip", "service-ip"} {
		if err := command.MarkFlagRequired(name); err != nil {
			panic(err) // a flag of that name is defined above
		}
	}
	return command
}

func writeCredentials(dir, server, node string, nodeIP, serviceIP net.IP) error {
	ca, err := newAuthority("mcp-runtime-cluster")
	if err != nil {
		return err
	}
	files := map[string][]byte{"ca.crt": ca.certPEM, "ca.key": ca.keyPEM}
	leaves := map[string]x509.Certificate{
		"apiserver": {
			Subject:     pkix.Name{CommonName: "kube-apiserver"},
			DNSNames:    []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"},
			IPAddresses: []net.IP{nodeIP, serviceIP, net.IPv4(127, 0, 0, 1)},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		},
		"kubelet": {
			Subject:     pkix.Name{CommonName: "system:node:" + node, Organization: []string{"system:nodes"}},
			DNSNames:    []string{node},
			IPAddresses: []net.IP{nodeIP},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		},
		// What the API server shows the kubelet before logs and exec.
		"apiserver-kubelet-client": {
			Subject:     pkix.Name{CommonName: "kube-apiserver-kubelet-client", Organization: []string{"system:masters"}},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		},
		// What the API server shows an aggregated one whose users it has authenticated.
		"front-proxy-client": {
			Subject:     pkix.Name{CommonName: "front-proxy-client"},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		},
	}
	for name, template := range leaves {
		cert, key, err := ca.issue(template)
		if err != nil {
			return fmt.Errorf("issue %s: %w", name, err)
		}
		files[name+".crt"], files[name+".key"] = cert, key
	}
	// RSA, as kubeadm makes it: tokens are then RS256, which is what most clusters hand out.
	signer, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	if files["service-account.key"], err = privatePEM(signer); err != nil {
		return err
	}
	for name, subject := range clients(node) {
		cert, key, err := ca.issue(x509.Certificate{Subject: subject, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
		if err != nil {
			return fmt.Errorf("issue client %s: %w", name, err)
		}
		if files[name+".kubeconfig"], err = kubeconfig(name, server, ca.certPEM, cert, key); err != nil {
			return fmt.Errorf("kubeconfig of %s: %w", name, err)
		}
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func kubeconfig(user, server string, ca, cert, key []byte) ([]byte, error) {
	const cluster = "mcp-runtime-cluster"
	return clientcmd.Write(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{cluster: {Server: server, CertificateAuthorityData: ca}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{user: {ClientCertificateData: cert, ClientKeyData: key}},
		Contexts:       map[string]*clientcmdapi.Context{cluster: {Cluster: cluster, AuthInfo: user}},
		CurrentContext: cluster,
	})
}

type authority struct {
	cert            *x509.Certificate
	key             crypto.Signer
	certPEM, keyPEM []byte
}

func newAuthority(name string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	if err := stamp(&template); err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	keyPEM, err := privatePEM(key)
	if err != nil {
		return nil, err
	}
	return &authority{cert, key, certificatePEM(der), keyPEM}, nil
}

// issue signs a leaf for a fresh key and gives both as PEM.
func (ca *authority) issue(template x509.Certificate) (certPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	if err := stamp(&template); err != nil {
		return nil, nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, ca.cert, key.Public(), ca.key)
	if err != nil {
		return nil, nil, err
	}
	keyPEM, err = privatePEM(key)
	return certificatePEM(der), keyPEM, err
}

// stamp gives a certificate its serial and a year; no test cluster lives longer.
func stamp(template *x509.Certificate) error {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	template.SerialNumber = serial
	template.NotBefore = time.Now().Add(-5 * time.Minute)
	template.NotAfter = template.NotBefore.AddDate(1, 0, 0)
	return err
}

func certificatePEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func privatePEM(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
