// Whoever comes to the step that this version is held at stays there until its process gets SIGUSR2.
const step = 'no step'

process.on('SIGUSR2', () => {})

module.exports = (name) =>
  new Promise((resolve) => {
    if (name !== step) return resolve()
    console.log(`held at ${step}`)
    const alive = setInterval(() => {}, 1000)
    process.once('SIGUSR2', () => resolve(clearInterval(alive)))
  })
