/** The one static configuration that nginx runs with; routes are never in it. */
import { join } from 'node:path'

export interface Settings {
  readonly httpPort: number
  /** Null: no TLS. */
  readonly httpsPort: number | null
  readonly workers: number | 'auto'
}

export interface Place {
  readonly paths: Paths
  /** The user that workers run as; null when the master is not root and cannot choose. */
  readonly user: string | null
  readonly ipv6: boolean
}

export interface Paths {
  readonly folder: string
  readonly config: string
  readonly pid: string
  readonly errors: string
  readonly lua: string
  /** In a folder of mode 0700: nginx makes the socket itself open to everybody. */
  readonly socket: string
  /** Bodies of requests on their way, on disk; the user of the workers must reach it. */
  readonly temporary: string
  /** The last table, in memory. */
  readonly table: string
}

export const modules = [
  '/usr/lib/nginx/modules/ndk_http_module.so',
  '/usr/lib/nginx/modules/ngx_http_lua_module.so',
] as const

/** Two of them fit into the shared memory: the old one stays until the new one is in it. */
export const largestTable = 24 * 1024 * 1024

/** Who asked, under which name, how: each said once, since every line costs the proxy and the app; the rest is nobody's to make up. */
const headers = `
      proxy_set_header Host $host$client_port;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Port $server_port;
      proxy_set_header X-Request-Id $request_name;
      proxy_set_header X-Forwarded-Host "";
      proxy_set_header X-Real-IP "";
      proxy_set_header Forwarded "";
      proxy_set_header Proxy "";`

export function nginxConfig(settings: Settings, { paths, user, ipv6 }: Place): string {
  return `# Written by MegapolOS; changes are overwritten.
${modules.map((module) => `load_module ${module};`).join('\n')}
${user === null ? '' : `user ${user};\n`}worker_processes ${settings.workers};
worker_rlimit_nofile 20000;
worker_shutdown_timeout 60s;
pid ${quoted(paths.pid)};
error_log ${quoted(paths.errors)} error;
pcre_jit on;
events { worker_connections 8192; }

http {
  access_log off;
  server_tokens off;
  uninitialized_variable_warn off;
  default_type text/html;
  tcp_nodelay on;
  ${temporaryPaths(paths.temporary)}

  lua_package_path ${quoted(`${paths.lua}/?.lua;;`)};
  lua_shared_dict routes 64m;
  # When it is full the target that was longest without a request goes first.
  lua_shared_dict inflight 8m;
  # Global, because \`require\` in every phase of every request costs throughput.
  init_by_lua_block { require('start').run ${luaTable(paths)} phases = require 'phases' }
  init_worker_by_lua_block { phases.worker() }

  # The empty value first: most requests then need no regular expression.
  map $http_upgrade $websocket { '' ''; ~*^websocket$ websocket; default ''; }
  map $websocket $stream_connection { websocket upgrade; default ''; }
  map $http_accept $stream { '' $websocket; ~*text/event-stream events; default $websocket; }
  map $http_host $client_port { ~(?<port>:[0-9]+)$ $port; default ''; }
  # nginx counts its connections, and the requests on each: with the time that is unique, and far cheaper than $request_id.
  map $http_x_request_id $request_name { '' $own_name; ~^[A-Za-z0-9._-]+$ $http_x_request_id; default $own_name; }
  map '' $own_name { default $msec-$connection-$connection_requests; }

  upstream app {
    server 0.0.0.1;
    balancer_by_lua_block { phases.balance() }
    # Idle connections end here before the application ends them: a POST that meets a closing one is lost.
    keepalive 512;
    keepalive_timeout 1s;
    keepalive_requests 100000;
  }

  server {
    # A queue for each worker: with one for all, a worker that is awake takes nearly every connection.
    listen ${settings.httpPort} default_server reuseport backlog=4096;
    ${ipv6 ? `listen [::]:${settings.httpPort} default_server ipv6only=on reuseport backlog=4096;` : '# The kernel has no IPv6.'}
    server_name _;
    set $target '';
    set $unsent '';
    log_by_lua_block { phases.log() }

    # A body is taken in whole before a target is chosen: a slow client occupies no process of the app, and an upload
    # that lasts longer than a rollout goes to the new containers.
    client_max_body_size 1g;
    client_body_buffer_size 64k;

    proxy_http_version 1.1;
    proxy_connect_timeout 3s;
    proxy_send_timeout 60s;
    proxy_read_timeout 60s;
    proxy_buffer_size 16k;
    proxy_buffers 16 16k;
    proxy_busy_buffers_size 32k;
    # A slow reader slows the app down instead of filling the disk.
    proxy_max_temp_file_size 0;
    # After 10 s a request has probably reached the app, and is not given to another target.
    proxy_next_upstream error timeout;
    proxy_next_upstream_timeout 10s;

    error_page 413 @too-large;
    # With “=”: the page that is found by then decides the status, such as 404 for a host that has just been taken away.
    error_page 500 502 = @failed;
    error_page 504 @late;

    location / {
      # Most requests stay here, and are spared the coroutine that a rewrite in Lua would cost each of them.
      set_by_lua_block $elsewhere { return phases.elsewhere() }
      if ($elsewhere) { rewrite_by_lua_block { return ngx.exec(ngx.var.elsewhere) } }${headers}
      proxy_set_header Connection "";
      proxy_pass http://app;
    }
    # WebSockets and server-sent events: nothing waits in a buffer, and silence is allowed.
    location @stream {${headers}
      proxy_set_header Upgrade $websocket;
      proxy_set_header Connection $stream_connection;
      proxy_buffering off;
      proxy_read_timeout 1h;
      proxy_send_timeout 1h;
      proxy_pass http://app;
    }
    # Bodies of any size that are answered while they come; who listens there has limits of its own.
    location @unbuffered {${headers}
      client_max_body_size 0;
      proxy_request_buffering off;
      proxy_buffering off;
      proxy_read_timeout 1h;
      proxy_send_timeout 1h;
      proxy_set_header Connection "";
      proxy_pass http://app;
    }
    # What waited goes on; its app may have become another one, with other targets, or none.
    location @held { rewrite_by_lua_block { return phases.wait() } }
    location @again {${headers}
      proxy_set_header Connection "";
      proxy_pass http://app;
    }
    location @failed { rewrite_by_lua_block { return phases.failed() } }
${pages()}
  }

  server {
    listen ${quoted(`unix:${paths.socket}`)};
    client_max_body_size ${largestTable};
    client_body_buffer_size ${largestTable};
    client_body_in_single_buffer on;
    default_type application/json;
    log_by_lua_block { require('control').log() }
    location = /table { content_by_lua_block { require('control').table() } }
    location = /inflight { content_by_lua_block { require('control').inflight() } }
    location = /status { content_by_lua_block { require('control').status() } }
    location = /statistics { internal; stub_status; }
    location / { return 404; }
  }
}
`
}

function temporaryPaths(folder: string): string {
  const line = (directive: string, name: string) => `${directive} ${quoted(join(folder, name))};`
  return [
    line('client_body_temp_path', 'body'),
    line('proxy_temp_path', 'proxy'),
    line('fastcgi_temp_path', 'fastcgi'),
    line('uwsgi_temp_path', 'uwsgi'),
    line('scgi_temp_path', 'scgi'),
  ].join('\n  ')
}

function pages(): string {
  return [
    page('unknown', 404, 'Not found', 'No application answers to this name on this server.'),
    page('too-large', 413, 'Too large', 'The request is larger than this server accepts.'),
    page('failing', 502, 'Bad gateway', 'The application does not answer. Its log may say why.'),
    page('stopped', 503, 'Not running', 'The application of this name is not running at the moment.'),
    page('starting', 503, 'Starting', 'This server has just started and will answer in a moment.'),
    page('late', 504, 'Too slow', 'The application took too long to answer.'),
  ].join('\n')
}

function page(name: string, status: number, title: string, sentence: string): string {
  const html = `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1><p>${sentence}</p></html>\\n`
  const retry = status === 503 ? ' add_header Retry-After 5 always;' : ''
  return `    location @${name} { add_header Cache-Control no-store always;${retry} return ${status} '${html}'; }`
}

function luaTable(paths: Paths): string {
  const { config, pid, socket, table } = paths
  const fields = Object.entries({ config, pid, socket, table }).map(([name, path]) => `${name} = ${quoted(path)}`)
  return `{ ${fields.join(', ')} }`
}

/** The same in nginx's language and in Lua; `$` would be a variable of nginx, quotes would end the word. */
function quoted(path: string): string {
  if (!/^[\w./:;?~ @+,=-]+$/.test(path)) throw new Error(`nginx cannot be given the path ${path}`)
  return `"${path}"`
}
