/** What nginx answers at one of its listeners: each location is a way that a request can be answered in. */

/** The part of the table that a server knows. */
export type Side = 'hosts' | 'internal'

/**
 * Who asked, under which name, how: each said once, since every line costs the proxy and the app; the rest is nobody's to
 * make up. `peer`: as nginx sees it, which it knows at once; `believed`: unless a proxy before this one knows better.
 */
function headers(said: 'peer' | 'believed', { scheme, port }: Server): string {
  const peer = { client: '$remote_addr', how: scheme, where: port }
  const believed = { client: '$client', how: '$client_scheme', where: '$outer_port' }
  const { client, how, where } = said === 'peer' ? peer : believed
  return `
      proxy_set_header Host $host$client_port;
      proxy_set_header X-Forwarded-For ${client};
      proxy_set_header X-Forwarded-Proto ${how};
      proxy_set_header X-Forwarded-Port ${where};
      proxy_set_header X-Request-Id $request_name;
      proxy_set_header X-Forwarded-Host "";
      proxy_set_header X-Forwarded-Scheme "";
      proxy_set_header X-Forwarded-Ssl "";
      proxy_set_header X-Forwarded-Prefix "";
      proxy_set_header X-Real-IP "";
      proxy_set_header Forwarded "";
      proxy_set_header Proxy "";`
}

/** A header for apps that the proxy says in their name; nothing is said while it is empty. */
const strict = 'add_header Strict-Transport-Security $hsts always;'

const bodySizes = ['1m', '10m', '100m', '1g', '10g', '100g']

export interface Server {
  readonly side: Side
  readonly scheme: 'http' | 'https'
  readonly port: number
  /** Lines that say where it listens. */
  readonly listen: readonly string[]
  /** Where requests are sent that have to ask again, in plain or over TLS. */
  readonly httpPort: number
  readonly httpsPort: number | null
  /** In quotes. */
  readonly accessLog: string
}

export function serverOf(server: Server): string {
  const { side, scheme, listen, accessLog } = server
  const https = `'${server.httpsPort ?? 443}'`
  const toApp = `${headers('believed', server)}
      ${strict}`
  return `
  server {
    ${listen.join('\n    ')}
    server_name _;
    access_log ${accessLog} requests buffer=64k flush=1s;

    # A body is taken in whole before a target is chosen: a slow client occupies no process of the app, and an upload
    # that lasts longer than a rollout goes to the new containers.
    client_max_body_size 1g;
    client_body_buffer_size 64k;
    # A connection of HTTP/2 that ends refuses requests that are on their way, which not every client repeats: not after an hour.
    keepalive_requests 1000000;
    keepalive_time 365d;

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
      set_by_lua $request_name "return phases.name('${side}', '${scheme}')" $host $http_host $http_x_request_id $stream;
      if ($elsewhere) { rewrite_by_lua_block { return ngx.exec(ngx.var.elsewhere) } }${headers('peer', server)}
      proxy_set_header Connection "";
      proxy_pass http://${side};
    }
${side === 'hosts' ? challenges(scheme, toApp) : ''}    # nginx compares Content-Length with the limit of the location that a path leads to, before Lua can choose another one.
    if ($content_length) { set $too_large $large; }
    if ($too_large) { set $path $uri; rewrite ^ /.megapolos/large; }
    location = /.megapolos/large {
      internal;
      client_max_body_size 0;
      rewrite_by_lua_block { return phases.large('${side}', '${scheme}') }
    }
    # WebSockets and server-sent events: nothing waits in a buffer, and silence is allowed.
    location @stream {${toApp}
      proxy_set_header Upgrade $websocket;
      proxy_set_header Connection $stream_connection;
      proxy_buffering off;
      proxy_read_timeout 1h;
      proxy_send_timeout 1h;
      proxy_pass http://${side};
    }
    # Bodies of any size that are answered while they come; who listens there has limits of its own.
    location @unbuffered {${toApp}
      client_max_body_size 0;
      proxy_request_buffering off;
      proxy_buffering off;
      proxy_read_timeout 1h;
      proxy_send_timeout 1h;
      proxy_set_header Connection "";
      proxy_pass http://${side};
    }
    # Bodies that do not say how long they are: nginx ends them here, and what is left is measured when it is whole.
${bodySizes.map((size) => bodies(side, size, toApp)).join('\n')}
    # What waited goes on; its app may have become another one, with other targets, or none.
    location @held { rewrite_by_lua_block { return phases.wait('${side}') } }
    location @again {${toApp}
      proxy_set_header Connection "";
      proxy_pass http://${side};
    }
    location @failed { rewrite_by_lua_block { return phases.failed('${side}') } }
    location @secure { rewrite_by_lua_block { return phases.secure(${https}) } }
    location @redirect { rewrite_by_lua_block { return phases.redirect('${server.httpPort}', ${https}) } }
    location @own-page { ${strict} content_by_lua_block { return phases.own_page('${side}') } }
${pages()}
  }
`
}

const challenges = (scheme: string, toApp: string) => `
    location ^~ /.well-known/acme-challenge/ {
      rewrite_by_lua_block { return phases.challenge('${scheme}') }${toApp}
      proxy_set_header Connection "";
      proxy_pass http://hosts;
    }`

function bodies(side: Side, size: string, toApp: string): string {
  return `    location @body-${size} {${toApp}
      client_max_body_size ${size};
      proxy_set_header Connection "";
      proxy_pass http://${side};
    }`
}

function pages(): string {
  const soon = 'add_header Retry-After 5 always;'
  return [
    page('unknown', 404, 'Not found', 'No application answers to this name on this server.'),
    page('forbidden', 403, 'Forbidden', 'Nothing answers to this name for you.'),
    page('login', 401, 'Log in', 'A name and a password are needed here.', authenticate),
    page('guessing', 429, 'Too many tries', 'Too many passwords were tried.', 'add_header Retry-After 1 always;'),
    page('too-large', 413, 'Too large', 'The request is larger than this server accepts.'),
    page('failing', 502, 'Bad gateway', 'The application does not answer. Its log may say why.'),
    page('stopped', 503, 'Not running', 'The application of this name is not running at the moment.', soon),
    page('starting', 503, 'Starting', 'This server has just started and will answer in a moment.', soon),
    page('maintenance', 503, 'Maintenance', 'This application is being worked on and will be back.', later),
    page('late', 504, 'Too slow', 'The application took too long to answer.'),
  ].join('\n')
}

const authenticate = `add_header WWW-Authenticate 'Basic realm="log in", charset="UTF-8"' always;`
const later = 'add_header Retry-After 60 always;'

function page(name: string, status: number, title: string, sentence: string, more = ''): string {
  const html = `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1><p>${sentence}</p></html>\\n`
  const also = [strict, 'add_header Cache-Control no-store always;', more].join(' ').trim()
  return `    location @${name} { ${also} return ${status} '${html}'; }`
}
