// What a page does beside htmx: it says when live updates stop, and keeps logs short and at their end.
// Without it everything can still be read.

const patience = 30_000
let heard = Date.now()

function pause() {
  const pulse = document.querySelector('#pulse .state')
  if (!pulse || pulse.dataset.paused) return
  const time = new Date(heard).toTimeString().slice(0, 5)
  pulse.dataset.paused = 'true'
  pulse.className = 'state warn'
  pulse.textContent = `Paused since ${time}, reload to see the present`
}

document.addEventListener('htmx:sse:after:message', () => {
  heard = Date.now()
})
document.addEventListener('htmx:sse:error', pause)
document.addEventListener('htmx:error', pause)
document.addEventListener('htmx:response:error', pause)
setInterval(() => {
  // In the background htmx pauses on purpose, and catches up when the page is looked at again.
  if (document.hidden) heard = Date.now()
  else if (Date.now() - heard > patience) pause()
}, 5000)

for (const box of document.querySelectorAll('.log[data-keep]')) {
  const list = box.querySelector('ol')
  const keep = Number(box.dataset.keep)
  let atEnd = true
  const toEnd = () => {
    while (list.children.length > keep) list.firstElementChild.remove()
    if (atEnd) box.scrollTop = box.scrollHeight
  }
  box.addEventListener('scroll', () => {
    atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 24
  })
  new MutationObserver(toEnd).observe(list, { childList: true })
  toEnd()
}
