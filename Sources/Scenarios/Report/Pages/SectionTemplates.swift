extension Templates {
    static let verdict = #"""
        <p class="verdict"><span class="badge {{verdict.name}}">{{verdict.text}}</span> <span>{{verdict.reason}}</span></p>
        """#

    static let details = #"""
        {{#showsFigures}}
        <section>
        <h{{level}}>Key figures</h{{level}}>
        <dl class="figures">
        {{#figures}}
        <div{{#alarming}} class="alarming"{{/alarming}}><dt>{{name}}</dt><dd>{{value}}</dd></div>
        {{/figures}}
        </dl>
        </section>
        {{/showsFigures}}
        <section>
        <h{{level}}>Expectations</h{{level}}>
        {{#hasExpectations}}
        <div class="scroller">
        <table class="findings">
        <thead><tr><th scope="col">Expected</th><th scope="col">Verdict</th><th scope="col">Found</th></tr></thead>
        {{#findings}}
        <tbody>
        <tr><th scope="row">{{expectation}}</th><td><span class="mark {{mark}}">{{holds}}</span></td><td>{{found}}</td></tr>
        {{#against}}
        <tr class="more"><td colspan="3">Orders against it: <span class="orders">{{.}}</span></td></tr>
        {{/against}}
        </tbody>
        {{/findings}}
        </table>
        </div>
        {{/hasExpectations}}
        {{^hasExpectations}}
        <p class="muted">None besides what must hold for every run that is judged: the books balance.</p>
        {{/hasExpectations}}
        </section>
        <section>
        <h{{level}}>Audit of the books</h{{level}}>
        {{#balances}}
        <p><span class="mark passed">they balance</span> Stock, money, parcels, orders and the engine’s own rows agree with each other.</p>
        {{/balances}}
        {{^isAudited}}
        <p class="muted">Not audited: the coupled shop is played to be compared with.</p>
        {{/isAudited}}
        {{#hasViolations}}
        <ul class="violations">
        {{#violations}}
        <li>{{.}}</li>
        {{/violations}}
        </ul>
        {{#moreViolations}}
        <details><summary>{{summary}}</summary>
        <ul class="violations">
        {{#violations}}
        <li>{{.}}</li>
        {{/violations}}
        </ul>
        </details>
        {{/moreViolations}}
        {{/hasViolations}}
        </section>
        {{#showsCharts}}
        <section>
        <h{{level}}>Over time</h{{level}}>
        {{> charts}}
        {{#absent}}<p class="muted">{{.}}</p>{{/absent}}
        </section>
        {{/showsCharts}}
        {{#hasFaults}}
        <section>
        <h{{level}}>Faults</h{{level}}>
        {{> faults}}
        </section>
        {{/hasFaults}}
        {{#hasTraces}}
        <section>
        <h{{level}}>Traces</h{{level}}>
        {{#traces}}
        <details><summary>{{first}}</summary><pre>{{text}}</pre></details>
        {{/traces}}
        </section>
        {{/hasTraces}}
        {{#hasTimes}}
        <section>
        <h{{level}}>The charts in numbers</h{{level}}>
        <details><summary>{{tableSummary}}</summary>
        <div class="scroller">
        <table class="numbers">
        <thead><tr>{{#columns}}<th scope="col" class="number">{{.}}</th>{{/columns}}</tr></thead>
        <tbody>
        {{#rows}}
        <tr><th scope="row" class="number">{{time}}</th>{{#cells}}<td class="number">{{.}}</td>{{/cells}}</tr>
        {{/rows}}
        </tbody>
        </table>
        </div>
        </details>
        </section>
        {{/hasTimes}}
        <section>
        <h{{level}}>Run it again</h{{level}}>
        <pre class="command"><code>{{command}}</code></pre>
        <dl class="facts">
        {{#facts}}
        <div><dt>{{name}}</dt><dd>{{value}}</dd></div>
        {{/facts}}
        </dl>
        </section>
        """#

    static let faults = #"""
        <div class="scroller">
        <table class="faults">
        <thead><tr><th scope="col">What</th><th scope="col" class="number">Times</th><th scope="col">When</th></tr></thead>
        <tbody>
        {{#faults}}
        <tr><th scope="row">{{what}}</th><td class="number">{{times}}</td><td>{{when}}</td></tr>
        {{/faults}}
        </tbody>
        </table>
        </div>
        """#

    static let charts = #"""
        <div class="charts">
        {{#charts}}
        <figure>
        <figcaption>{{title}} <span class="muted">{{note}}</span></figcaption>
        <ul class="legend">{{#legend}}<li><svg class="swatch" viewBox="0 0 26 10" aria-hidden="true"><path
          class="line c{{colour}}" d="{{swatch}}"/></svg>{{name}} <b>{{value}}</b></li>{{/legend}}</ul>
        <div class="scroller">{{{svg}}}</div>
        </figure>
        {{/charts}}
        </div>
        """#
}
