// Command probe is the workload of the cluster's smoke test: it serves the
// files of a mounted volume, and fetches a URL when run inside a pod.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"
)

const usage = `usage: probe serve ADDRESS DIR   serve DIR's files, read anew for each request
       probe get URL             print a URL's body; exit 1 unless the status is 200`

func main() {
	log.SetFlags(0)
	var err error
	switch {
	case len(os.Args) == 4 && os.Args[1] == "serve":
		log.Printf("probe: serving %s on %s", os.Args[3], os.Args[2])
		err = http.ListenAndServe(os.Args[2], http.FileServer(http.Dir(os.Args[3])))
	case len(os.Args) == 3 && os.Args[1] == "get":
		err = get(os.Args[2])
	default:
		log.Println(usage)
		os.Exit(2)
	}
	if err != nil {
		log.Fatalf("probe: %v", err)
	}
}

func get(url string) error {
	client := http.Client{Timeout: 5 * time.Second}
	answer, err := client.Get(url)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(os.Stdout, answer.Body); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, answer.Status)
	}
	return nil
}
