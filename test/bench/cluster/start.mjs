import { Worker } from '../ipc.mjs'

/**
 * A process whose functions can be called, and a node with the port for its clients.
 *
 * @typedef {{ call: (name: string, input?: unknown) => Promise<any>, tell: (name: string, input: unknown) => void }} Callable
 * @typedef {{ worker: Callable, port: number }} Node
 * @typedef {Parameters<Parameters<typeof import('./closing.mjs').closing>[0]>[0]} Own
 */

/** Starts a node. @param {Own} own @param {string} kind @param {number} core @param {string} url of NATS */
export const startNode = async (own, kind, core, url) => {
  const worker = own(new Worker(`cluster/nodes/${kind}.mjs`, core))
  return { worker, port: await worker.call('start', url) }
}

/**
 * Starts a Socket.IO server of two workers.
 *
 * @param {Own} own @param {number | string} core of the primary @param {readonly number[]} cores of the workers
 * @returns {Promise<Node[]>}
 */
export const startSocketio = async (own, core, cores) => {
  const primary = own(new Worker('cluster/nodes/socketio.mjs', core))
  const ports = /** @type {number[]} */ (await primary.call('start', cores))
  return ports.map((port, worker) => ({
    port,
    worker: {
      call: (name, input) => primary.call('call', { worker, name, input }),
      tell: (name, input) => primary.tell('tell', { worker, name, input }),
    },
  }))
}
