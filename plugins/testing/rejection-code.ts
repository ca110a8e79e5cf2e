/** The code of the error that a promise rejects with. If the promise resolves, `{ resolved: value }`. */
export const rejectionCode = async (promise: Promise<unknown>): Promise<unknown> => {
  try {
    return { resolved: await promise }
  } catch (error) {
    return (error as { readonly code?: unknown }).code ?? String(error)
  }
}
