/** The configuration of an emulator with two hubs, for runs that a test looks at on a terminal. @param faults the value of `faults`, in YAML */
export function viewedEmulator(assignmentDelay: string, faults: string): string {
  return `version: 1
behavior: { retryAfter: 1s, assignmentDelay: ${assignmentDelay}, answerDelay: 20ms }
instances:
  - idScope: 0ne00111111
    linkedHubs: [{ hostName: hub-a.azure-devices.net }, { hostName: hub-b.azure-devices.net }]
    enrollmentGroups:
      - enrollmentGroupId: all
        attestation: { symmetricKey: { primaryKeyVariable: DPSLOAD_GROUP_KEY } }
faults: ${faults}
`;
}
