/** The pages of one app. */
import { type Html, html } from './html.ts'

const pages = [
  ['overview', '', 'Overview'],
  ['releases', '/releases', 'Releases'],
  ['builds', '/builds', 'Builds'],
] as const

export function tabs(app: string, at: (typeof pages)[number][0]): Html {
  return html`<nav class="tabs" aria-label="${app}"><ul>${pages.map(
    ([key, path, name]) =>
      html`<li><a href="/apps/${app}${path}"${key === at ? html` aria-current="page"` : ''}>${name}</a></li>`,
  )}</ul></nav>`
}

export function crumbs(app: string, ...more: readonly (readonly [string, string])[]): Html {
  return html`<p class="crumbs"><a href="/">Apps</a> / <a href="/apps/${app}">${app}</a> /${more.map(([path, name]) => html` <a href="/apps/${app}${path}">${name}</a> /`)}</p>`
}
