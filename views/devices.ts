/** Devices: what server software is installed, and whether it works. */
import type { Ask, Device } from './answers.ts'
import { type Html, html } from './html.ts'
import { count, mark, ssh } from './marks.ts'
import type { Page } from './page.ts'

const installed: Readonly<Record<string, string>> = {
  'built-in': 'With MegapolOS',
  container: 'As a container',
  node: 'On the node',
  adopted: 'Adopted',
}

const well: Readonly<Record<string, string>> = { running: 'Running', ready: 'Ready' }

export async function devices(ask: Ask): Promise<Page> {
  const list = await ask('devices:list')
  const failing = list.filter(({ state }) => !(state in well)).length
  return {
    title: 'Devices',
    menu: 'devices',
    topics: ['devices'],
    parts: {},
    main: html`<div class="head"><div>
  <h1>Devices</h1>
  <p>${count(list.length, 'device')}: server software that apps use, each with the driver that manages it. ${failing === 0 ? 'All work.' : `${count(failing, 'does', 'do')} not work.`}</p>
</div></div>
<table>
  <thead><tr><th scope="col">Device</th><th scope="col">State</th><th scope="col" class="wide">Class</th><th scope="col" class="wide">Driver</th><th scope="col" class="wide">Installed</th></tr></thead>
  <tbody>${list.map(row)}</tbody>
</table>
<p class="soft hint">The same in a terminal:</p>
${ssh('devices:list')}`,
  }
}

/** A state that is no single word is the sentence that says what is wrong. */
function row(one: Device): Html {
  const word = well[one.state]
  return html`<tr><th scope="row">${one.name}</th><td>${word ? mark('ok', word) : html`${mark('bad', 'Failing')}<small>${one.state}</small>`}</td><td class="wide">${one.class}</td><td class="wide">${one.driver}${one.version === null ? '' : ` ${one.version}`}</td><td class="wide">${installed[one.as] ?? one.as}</td></tr>`
}
