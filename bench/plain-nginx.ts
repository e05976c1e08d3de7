/** What somebody writes who knows that an upstream needs keep-alive: the floor of everything that goes through the proxy. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { untilListening } from './lab.ts'

export interface PlainNginx {
  stop(): Promise<void>
}

/** `target` is what it sends everything to; `certificate`: the files of chain and key, and then it serves TLS and HTTP/2. */
export async function plainNginx(
  folder: string,
  port: number,
  target: string,
  certificate?: { readonly chain: string; readonly key: string },
): Promise<PlainNginx> {
  const config = `
worker_processes auto;
pid ${folder}/pid;
error_log ${folder}/error.log;
events { worker_connections 8192; }
http {
  # Whoever has sites has their log, and ours has one too.
  access_log ${folder}/access.log combined buffer=64k flush=1s;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(' ')}
  upstream app { server ${target}; keepalive 64; }
  server {
    listen 127.0.0.1:${port} ${certificate ? 'ssl http2 ' : ''}reuseport;
    ${certificate ? tls(certificate) : ''}
    keepalive_requests 1000000;
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
    }
  }
}
`
  await mkdir(folder)
  await writeFile(join(folder, 'nginx.conf'), config)
  // A session of its own, as that of the proxy is: Linux shares the cores out among sessions, and in one with `wrk` it
  // would be given the processor in other turns.
  const words = ['-c', join(folder, 'nginx.conf'), '-g', 'daemon off;']
  const nginx: ChildProcess = spawn('/usr/sbin/nginx', words, { stdio: 'ignore', detached: true })
  await untilListening(port)
  return {
    async stop() {
      nginx.kill('SIGTERM')
      await once(nginx, 'exit')
    },
  }
}

function tls({ chain, key }: { chain: string; key: string }): string {
  return `ssl_certificate ${chain}; ssl_certificate_key ${key};
    ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:sessions:10m; ssl_session_tickets off;`
}
