/** dockerode's classes one by one: the package has types only for the whole. */
declare module 'dockerode/lib/container.js' {
  import Docker from 'dockerode'
  export default Docker.Container
}
declare module 'dockerode/lib/image.js' {
  import Docker from 'dockerode'
  export default Docker.Image
}
declare module 'dockerode/lib/network.js' {
  import Docker from 'dockerode'
  export default Docker.Network
}
