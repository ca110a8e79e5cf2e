import { answer } from '../ipc.mjs'

/** CPU time of the server for each call, in ms. */
const WORK_MS = 0.2

/** Keeps the event loop busy, like a handler that computes. */
export const work = () => {
  const end = performance.now() + WORK_MS
  while (performance.now() < end);
  return { done: true }
}

/** Makes this process a server under test. @param {number} port */
export const answerCalls = (port) => {
  let before = process.cpuUsage()
  /** CPU time since the last report, in ms. */
  const cpu = () => {
    const { user, system } = process.cpuUsage(before)
    before = process.cpuUsage()
    return (user + system) / 1000
  }
  answer({ port: () => port, cpu })
}
