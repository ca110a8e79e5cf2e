import { setMaxListeners } from 'node:events'

/** Creates a controller whose signal takes any number of listeners. Node warns of more than ten otherwise. */
export const createAbortController = (): AbortController => {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  return controller
}
