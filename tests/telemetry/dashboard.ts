// Grafana's own types of a dashboard and of the kinds of panels that ours have, as JSON has them: the values of
// an enumeration are plain texts there, and an option that is left out has its default.

import type { Dashboard as Model, Panel as AnyPanel, RowPanel } from "@grafana/schema";
import type { Options as Stat } from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type {
  FieldConfig as StateField,
  Options as States,
} from "@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen";
import type {
  FieldConfig as LineField,
  Options as Lines,
} from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

type Plain<T> = T extends string
  ? `${T}`
  : T extends object
    ? { [K in keyof T]: Plain<T[K]> }
    : T;

type Partly<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { [K in keyof T]?: Partly<T[K]> }
    : T;

interface Query {
  refId: string;
  expr: string;
  legendFormat: string;
  instant?: true;
}

type Fields = NonNullable<AnyPanel["fieldConfig"]>;

type Kind<Name, Options, Field> = Omit<AnyPanel, "type" | "options" | "fieldConfig" | "targets"> & {
  type: Name;
  options: Partly<Options>;
  fieldConfig: Omit<Fields, "defaults"> & {
    defaults: Omit<Fields["defaults"], "custom"> & { custom?: Partly<Field> };
  };
  targets: Query[];
};

type Panel =
  | Kind<"stat", Stat, never>
  | Kind<"state-timeline", States, StateField>
  | Kind<"timeseries", Lines, LineField>;

export type Dashboard = Plain<Omit<Model, "panels"> & { panels: (Panel | RowPanel)[] }>;
