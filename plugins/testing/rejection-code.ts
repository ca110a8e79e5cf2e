/** Code of the error that a promise rejects with; what it resolves with when it does not. */
export const rejectionCode = async (promise: Promise<unknown>): Promise<unknown> => {
  try {
    return { resolved: await promise }
  } catch (error) {
    return (error as { readonly code?: unknown }).code ?? String(error)
  }
}
