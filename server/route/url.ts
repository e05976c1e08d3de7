/** Where people find an app. */
export { appUrl } from '../domain/route.ts'
