/** The one static configuration that nginx runs with; routes are never in it. */
import { join } from 'node:path'
import { type Server, type Side, serverOf } from './server.ts'

export interface Settings {
  readonly httpPort: number
  /** Null: no TLS. */
  readonly httpsPort: number | null
  /** `10.79.251.255:80`, where only apps reach it; null: apps do not reach each other through it. */
  readonly internal: string | null
  /** At most `mostWorkers`. */
  readonly workers: number
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
  /** A line for each request, in a folder of its own; the one before it has `.1` at the end. */
  readonly accessLog: string
  /** The last table, in memory. */
  readonly table: string
  /** A folder beside it, with what it points to. */
  readonly parts: string
}

export const modules = [
  '/usr/lib/nginx/modules/ndk_http_module.so',
  '/usr/lib/nginx/modules/ngx_http_lua_module.so',
] as const

/** Each counts in a row of its own, and `inflight.lua` has rows for so many. */
export const mostWorkers = 64

/** Two of them fit into the shared memory: the old one stays until the new one is in it. */
export const largestTable = 24 * 1024 * 1024

export function nginxConfig(settings: Settings, { paths, user, ipv6 }: Place): string {
  const { httpPort, httpsPort, internal } = settings
  const common = { httpPort, httpsPort, accessLog: quoted(paths.accessLog) }
  return `# Written by MegapolOS; changes are overwritten.
${modules.map((module) => `load_module ${module};`).join('\n')}
${user === null ? '' : `user ${user};\n`}worker_processes ${settings.workers};
# A worker that stays on its core finds in the caches what it works with.
worker_cpu_affinity auto;
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
  # What most requests need, in one piece.
  request_pool_size 16k;
  ${temporaryPaths(paths.temporary)}

  lua_package_path ${quoted(`${paths.lua}/?.lua;;`)};
  lua_shared_dict routes 64m;
  lua_shared_dict parts 64m;
  # Where each target is counted.
  lua_shared_dict inflight 16m;
  # Global, because \`require\` in every phase of every request costs throughput.
  init_by_lua_block { require('start').run ${luaTable(paths)} phases = require 'phases' }
  init_worker_by_lua_block { phases.worker() }

  # Both in one look; programs that say neither need no regular expression.
  map $http_upgrade$http_accept $stream { '' ''; ~*^websocket websocket; ~*text/event-stream events; default ''; }
  map $http_upgrade $websocket { ~*^websocket$ websocket; default ''; }
  map $websocket $stream_connection { websocket upgrade; default ''; }
  # Lua says so when a proxy before this one is believed to know better.
  map $believed $client { '' $remote_addr; default $believed; }
  map '' $client_scheme { default $scheme; }
  map '' $outer_port { default $server_port; }

  map $content_length $large { '' ''; "~^[0-9]{10,}$" large; default ''; }
  log_format requests escape=json '${accessLine}';
${upstream('hosts')}
${upstream('internal')}
${serverOf({ ...common, side: 'hosts', scheme: 'http', port: httpPort, listen: listeners(httpPort, '', ipv6) })}
${httpsPort === null ? '' : secureServer(httpsPort, ipv6, common)}
${internal === null ? '' : internalServer(internal, common)}
  server {
    listen ${quoted(`unix:${paths.socket}`)};
    client_max_body_size ${largestTable};
    client_body_buffer_size ${largestTable};
    client_body_in_single_buffer on;
    default_type application/json;
    log_by_lua_block { require('control').log() }
    location = /table { content_by_lua_block { require('control').table() } }
    location = /parts { content_by_lua_block { require('control').parts() } }
    location = /inflight { content_by_lua_block { require('control').inflight() } }
    location = /status { content_by_lua_block { require('control').status() } }
    location = /statistics { internal; stub_status; }
    # What Lua sets, for each request of the others that it matters to: nginx has to be told that there are such variables.
    location = /variables {
      internal;
      set $elsewhere ''; set $app ''; set $hsts ''; set $believed ''; set $client_port ''; set $request_name ''; set $unsent '';
    }
    location / { return 404; }
  }
}
`
}

/** Without the query, where people put what is secret. */
const accessLine = [
  '{"time":"$time_iso8601","app":"$app","host":"$host","method":"$request_method","path":"$uri"',
  '"status":"$status","bytes":$body_bytes_sent,"seconds":$request_time',
  '"peer":"$remote_addr","believed":"$believed","request":"$request_name"}',
].join()

/** What Mozilla calls intermediate, without the ciphers that need parameters of their own. */
const tls = `
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305;
  ssl_prefer_server_ciphers off;
  ssl_session_cache shared:sessions:10m;
  ssl_session_timeout 1d;
  ssl_session_tickets off;
  # nginx wants one; Lua chooses another before it is looked at.
  ssl_certificate data:$no_certificate;
  ssl_certificate_key data:$no_certificate;
  map '' $no_certificate { default ''; }
  ssl_certificate_by_lua_block { phases.certificate() }`

/** One for each worker: with one for all, a worker that is awake takes nearly every connection. */
const queue = 'reuseport backlog=4096'

function listeners(port: number, kind: string, ipv6: boolean): string[] {
  return [
    `listen ${port} default_server ${kind}${queue};`,
    ...(ipv6 ? [`listen [::]:${port} default_server ${kind}ipv6only=on ${queue};`] : []),
  ]
}

type Common = Pick<Server, 'httpPort' | 'httpsPort' | 'accessLog'>

function internalServer(address: string, common: Common): string {
  const port = Number(address.slice(address.lastIndexOf(':') + 1))
  const listen = [`listen ${address} default_server;`]
  return serverOf({ ...common, side: 'internal', scheme: 'http', port, listen })
}

function secureServer(port: number, ipv6: boolean, common: Common): string {
  const listen = listeners(port, 'ssl http2 ', ipv6)
  return `${tls}
${serverOf({ ...common, side: 'hosts', scheme: 'https', port, listen })}`
}

function upstream(side: Side): string {
  return `
  upstream ${side} {
    server 0.0.0.1;
    balancer_by_lua_block { phases.balance('${side}') }
    # Idle connections end here before the application ends them: a POST that meets a closing one is lost.
    keepalive 512;
    keepalive_timeout 1s;
    keepalive_requests 100000;
  }`
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

function luaTable(paths: Paths): string {
  const { config, pid, socket, table, parts } = paths
  const fields = Object.entries({ config, pid, socket, table, parts }).map(
    ([name, path]) => `${name} = ${quoted(path)}`,
  )
  return `{ ${fields.join(', ')} }`
}

/** The same in nginx's language and in Lua; `$` would be a variable of nginx, quotes would end the word. */
function quoted(path: string): string {
  if (!/^[\w./:;?~ @+,=-]+$/.test(path)) throw new Error(`nginx cannot be given the path ${path}`)
  return `"${path}"`
}
