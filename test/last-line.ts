/** Ends the run with `N passed, N failed`, the line that a CI can count. A file that does not load counts as failed. */
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

export default class LastLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const count = (state: 'passed' | 'failed' | 'skipped'): number =>
      modules.reduce((sum, module) => sum + [...module.children.allTests(state)].length, 0);
    const suites = modules.reduce((sum, module) => sum + [...module.children.allSuites()].filter((suite) => suite.errors().length > 0).length, 0);
    const broken = errors.length + suites + modules.filter((module) => module.errors().length > 0).length;
    const skipped = count('skipped');
    const line = `${count('passed')} passed, ${count('failed') + broken} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
    process.once('exit', () => console.log(line));
  }
}
