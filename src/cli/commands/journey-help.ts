export const JOURNEY_HELP = `
Steps in order, with the subfolder of the journey that each one writes to:
  enroll     enroll/  an enrollment for each device (dpsload enroll)
  register   run/     each device registers (dpsload run)
  hub check  run/     a sample connects to its hubs (--hub-check)
  audit      run/     service records compared with the run (dpsload audit)
  clean up   both     only with --cleanup (dpsload cleanup): registration
                      records, then enrollments; identities stay at the hubs
  With --generate-keys, devices register with the keys in
  enroll/fleet-with-keys.csv. Settings that have no option here come from the
  scenario or from DPSLOAD_… variables, as for dpsload run. journey.json says
  how each step ended.

Target:
  With --emulator, all steps use one emulator, with its service API and hubs; it
  ends with the journey, so such a journey cannot be resumed. If no key is
  given, the emulator generates the keys, as with --generate-keys.
  A DPS instance needs a connection string in DPSLOAD_SERVICE_CONNECTION or
  --service-connection-file, with permissions to read and write enrollments and
  registration states.

Exit codes:
  That of the command whose step stopped the journey; see the help of that
  command.
  3    a step did not go well for some devices, even if the thresholds pass
  0    every device was enrolled and assigned, every device of the sample passed
       the check at its hub, and all records agree

Examples:
  dpsload journey -s @journey --cleanup
  dpsload journey fleet.csv --generate-keys --hub-policy hashed --host \\
    global.azure-devices-provisioning.net --id-scope 0ne00111111
  dpsload journey --resume results/2026-01-31T18-00-00Z-journey-fleet
`;
