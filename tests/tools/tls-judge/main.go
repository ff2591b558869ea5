// tls-judge reads Secrets as JSON, one a line, and prints for each what Go says of it, one line of JSON.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"os"
	"time"
)

// With "serve", it serves TLS with the Secret to one client instead, and prints the address where.

// secret is a Secret, the names under which its server is dialled, and the moment to judge it at.
type secret struct {
	At    time.Time         `json:"at"`
	Names []string          `json:"names"`
	Data  map[string][]byte `json:"data"`
	Serve bool              `json:"serve"`
}

// verdict has "ok" or Go's error for each step, and nothing for those after a step that failed.
type verdict struct {
	// Load is tls.X509KeyPair, which is what kube-rbac-proxy does at its start and at each reload.
	Load string `json:"load"`
	// Names is VerifyHostname with every name.
	Names string `json:"names"`
	// Verify is x509.Verify for servers, against ca.crt, else the issuers in tls.crt, else the leaf.
	Verify string `json:"verify"`
	// Handshake is a TLS handshake of a server and a client in Go.
	Handshake string `json:"handshake"`
}

func main() {
	input := bufio.NewReaderSize(os.Stdin, 1<<20)
	output := bufio.NewWriter(os.Stdout)
	for {
		line, err := input.ReadBytes('\n')
		if err == io.EOF {
			return
		}
		if err != nil {
			log.Fatalf("read standard input: %v", err)
		}
		var s secret
		if err := json.Unmarshal(line, &s); err != nil {
			log.Fatalf("decode Secret: %v", err)
		}
		var answer any
		if s.Serve {
			answer = serve(s)
		} else {
			answer = judge(s)
		}
		if err := json.NewEncoder(output).Encode(answer); err != nil {
			log.Fatalf("write answer: %v", err)
		}
		// The other side waits for the answer before it asks again.
		if input.Buffered() == 0 {
			if err := output.Flush(); err != nil {
				log.Fatalf("write answer: %v", err)
			}
		}
	}
}

// serve answers one HTTP request as a sidecar that is not ready.
func serve(s secret) string {
	pair, err := tls.X509KeyPair(s.Data["tls.crt"], s.Data["tls.key"])
	if err != nil {
		log.Fatalf("load Secret: %v", err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		log.Fatalf("listen: %v", err)
	}
	go func() {
		defer listener.Close()
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		defer connection.Close()
		if _, err := connection.Read(make([]byte, 4096)); err == nil {
			io.WriteString(connection, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
		}
	}()
	return listener.Addr().String()
}

func judge(s secret) verdict {
	var v verdict
	pair, err := tls.X509KeyPair(s.Data["tls.crt"], s.Data["tls.key"])
	if v.Load = text(err); err != nil {
		return v
	}
	var names []error
	for _, name := range s.Names {
		names = append(names, pair.Leaf.VerifyHostname(name))
	}
	v.Names = text(errors.Join(names...))
	roots := trusted(s.Data["ca.crt"], pair)
	v.Verify = text(verify(pair, roots, s.At))
	v.Handshake = text(handshake(pair, roots, s.At, s.Names[0]))
	return v
}

func trusted(ca []byte, pair tls.Certificate) *x509.CertPool {
	roots := x509.NewCertPool()
	if len(ca) > 0 {
		roots.AppendCertsFromPEM(ca)
		return roots
	}
	certificates := pair.Certificate
	if len(certificates) > 1 {
		certificates = certificates[1:]
	}
	for _, der := range certificates {
		roots.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	return roots
}

func verify(pair tls.Certificate, roots *x509.CertPool, at time.Time) error {
	intermediates := x509.NewCertPool()
	for _, der := range pair.Certificate[1:] {
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		intermediates.AddCert(certificate)
	}
	_, err := pair.Leaf.Verify(x509.VerifyOptions{
		Roots:         roots,
		Intermediates: intermediates,
		CurrentTime:   at,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	return err
}

// handshake connects over the loopback interface: both ends may write at once, which a net.Pipe does not take.
func handshake(pair tls.Certificate, roots *x509.CertPool, at time.Time, name string) error {
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		log.Fatalf("listen: %v", err)
	}
	defer listener.Close()
	go func() {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		defer connection.Close()
		connection.Write([]byte("x"))
	}()
	now := func() time.Time { return at }
	address := listener.Addr().String()
	client, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots, ServerName: name, Time: now})
	if err != nil {
		return err
	}
	defer client.Close()
	// A server that fails late says so only after the client's part is done.
	_, err = client.Read(make([]byte, 1))
	return err
}

func text(err error) string {
	if err != nil {
		return err.Error()
	}
	return "ok"
}
