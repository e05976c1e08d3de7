// Whoever comes to the step that this version is held at stays there until its process gets SIGUSR2.
const step = 'no step'

module.exports = (name) =>
  new Promise((resolve) => {
    if (name !== step) return resolve()
    console.log(`held at ${step}`)
    const alive = setInterval(() => {}, 1000)
    // Stays, so that another signal does not end it.
    process.on('SIGUSR2', () => resolve(clearInterval(alive)))
  })
