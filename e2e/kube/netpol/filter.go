package main

import (
	"bytes"
	"fmt"
	"log"
	"os/exec"
	"slices"
	"strings"
)

// Where the rules hang. The mangle table's hooks come before the filter
// table's, so nothing accepted there passes by. Not OUTPUT: what the node
// itself sends to its pods is allowed always.
var hooks = []string{"FORWARD", "INPUT"}

// filter is the packet filter as this process left it.
type filter struct {
	written string
}

// write replaces what is there with rules, in one transaction.
func (f *filter) write(rules ruleset) error {
	wanted := fmt.Sprint(rules)
	if wanted == f.written {
		return nil
	}
	saved, err := output(exec.Command("iptables-save", "-t", "mangle"))
	if err != nil {
		return err
	}
	restore := exec.Command("iptables-restore", "--noflush", "--wait")
	restore.Stdin = strings.NewReader(script(saved, rules))
	if _, err := output(restore); err != nil {
		return err
	}
	f.written = wanted
	log.Printf("%d chains, %d rules in %s", len(rules.chains), len(rules.entry), root)
	return nil
}

// script is what iptables-restore takes to come from the saved table to rules.
func script(saved string, rules ruleset) string {
	var out strings.Builder
	line := func(format string, values ...any) { fmt.Fprintf(&out, format+"\n", values...) }
	line("*mangle")
	// Naming a chain makes it, or empties it.
	line(":%s - [0:0]", root)
	for _, name := range rules.names() {
		line(":%s - [0:0]", name)
	}
	for _, hook := range hooks {
		jump := fmt.Sprintf("-A %s -j %s", hook, root)
		if !slices.Contains(strings.Split(saved, "\n"), jump) {
			line("%s", jump)
		}
	}
	for _, rule := range rules.entry {
		line("-A %s %s", root, rule)
	}
	for _, name := range rules.names() {
		for _, rule := range rules.chains[name] {
			line("-A %s %s", name, rule)
		}
	}
	for saved := range strings.Lines(saved) {
		name, _, _ := strings.Cut(strings.TrimPrefix(saved, ":"), " ")
		_, kept := rules.chains[name]
		if strings.HasPrefix(saved, ":"+root+"-") && !kept {
			line("-F %s\n-X %s", name, name)
		}
	}
	line("COMMIT")
	return out.String()
}

func output(command *exec.Cmd) (string, error) {
	var stderr bytes.Buffer
	command.Stderr = &stderr
	stdout, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", command.Path, err, strings.TrimSpace(stderr.String()))
	}
	return string(stdout), nil
}
