/** The document around a page: menu, foot, and where the live updates come in. */
import { type Html, html } from './html.ts'
import type { Page } from './page.ts'

export interface Shell {
  readonly user: string
  readonly role: string
  readonly host: string
  readonly path: string
  readonly apps: number
  readonly jobs: number
  /** Address of a file under views/public or of htmx. */
  asset(name: Asset): string
}

export type Asset = 'style.css' | 'panel.js' | 'htmx.js' | 'sse.js'

/** Scripts are not deferred: htmx begins by a timer then, at times before its extension is there. */
export function layout(page: Page, shell: Shell): Html {
  return html`<!doctype html>
<html lang="en">
<head>
${head(page.title, shell)}
</head>
<body class="app">
<a class="skip" href="#main">Skip to content</a>
<header class="side">
  <a class="brand" href="/">MegapolOS</a>
  <button type="button" class="burger" popovertarget="menu">Menu</button>
  <nav class="menu" id="menu" popover aria-label="Main">
    ${menu(page.menu, shell)}
    <div class="foot">
      ${pulse('off', `As of ${new Date().toISOString().slice(11, 19)} UTC`)}
      <p>${shell.host}</p>
      <form method="post" action="/logout"><p>${shell.user}, ${shell.role} · <button class="quiet">Sign out</button></p></form>
    </div>
  </nav>
</header>
<main id="main" hx-sse:connect="/events?path=${encodeURIComponent(shell.path)}" hx-swap="none">
<div id="live">${page.main}</div>
${page.lines?.box}
</main>
<script src="${shell.asset('htmx.js')}"></script>
<script src="${shell.asset('sse.js')}"></script>
<script src="${shell.asset('panel.js')}"></script>
</body>
</html>`
}

/** Counts in it are live. */
export function menu(at: Page['menu'], { apps, jobs }: Pick<Shell, 'apps' | 'jobs'>): Html {
  const entry = (key: Page['menu'], href: string, name: string, number: number | string) =>
    html`<li><a href="${href}"${key === at ? html` aria-current="page"` : ''}>${name}${number ? html` <i>${number}</i>` : ''}</a></li>`
  return html`<ul id="entries">
      ${entry('home', '/', 'Apps', apps)}
      ${entry('devices', '/devices', 'Devices', 0)}
      ${entry('jobs', '/jobs', 'Jobs', jobs > 0 ? `${jobs} active` : 0)}
    </ul>`
}

/** Whether what the page shows is the present. */
export function pulse(look: 'ok' | 'warn' | 'off', text: string): Html {
  return html`<p id="pulse"><span class="state ${look}">${text}</span></p>`
}

/** Pages without a menu: signing in, and failures before it. */
export function door(title: string, main: Html, asset: Shell['asset']): Html {
  return html`<!doctype html>
<html lang="en">
<head>
${head(title, { asset })}
</head>
<body class="door">
<main>
  <p class="brand">MegapolOS</p>
  ${main}
</main>
</body>
</html>`
}

function head(title: string, { asset }: Pick<Shell, 'asset'>): Html {
  return html`<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="htmx-config" content='{"includeIndicatorCSS":false,"history":false,"noSwap":[204,304,"4xx","5xx"]}'>
<title>${title} · MegapolOS</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${asset('style.css')}">`
}
