"use strict";

/** The reader's selection: a service or an edge (or neither), a trace, and the run that the mesh shows. */
const Choice = (() => {
  const listeners = [];
  const now = { service: null, edge: null, trace: null, run: 0 };

  /** Change the selection, and notify everything that depends on it. Selecting the same again deselects it. */
  function change(what) {
    Object.assign(now, what);
    listeners.forEach((listener) => listener(now));
  }

  function toggleService(name) {
    change({ service: now.service === name ? null : name, edge: null });
  }

  function toggleEdge(caller, callee) {
    const same = now.edge?.caller === caller && now.edge?.callee === callee;
    change({ service: null, edge: same ? null : { caller, callee } });
  }

  /** Whether something at a service, or on its call to a target, belongs to the selection. */
  function has(service, target = null) {
    if (now.edge) return service === now.edge.caller ? target === null || target === now.edge.callee : service === now.edge.callee;
    return now.service === null || service === now.service || target === now.service;
  }

  return {
    now,
    change,
    toggleService,
    toggleEdge,
    has,
    get name() {
      return now.service ?? (now.edge ? `${now.edge.caller} → ${now.edge.callee}` : null);
    },
    listen: (listener) => listeners.push(listener),
  };
})();
