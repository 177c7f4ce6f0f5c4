extension Templates {
    static let frame = #"""
        <!DOCTYPE html>
        <html lang="en" xmlns="http://www.w3.org/1999/xhtml">
        <head>
        <meta charset="utf-8"/>
        <meta name="viewport" content="width=device-width, initial-scale=1"/>
        <meta name="color-scheme" content="light dark"/>
        <meta http-equiv="Content-Security-Policy"
              content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"/>
        <link rel="icon" href="data:,"/>
        <title>{{page.title}}</title>
        <style>
        {{{style}}}
        </style>
        </head>
        <body>
        <main>
        {{#page}}
        {{$content}}{{/content}}
        {{/page}}
        </main>
        <script>
        {{{script}}}
        </script>
        </body>
        </html>

        """#

    static let run = #"""
        {{<frame}}
        {{$content}}
        <header>
        <p class="kicker">{{kicker}}</p>
        <h1>{{title}}</h1>
        {{> verdict}}
        <p class="lede">{{teaches}}</p>
        <p class="story">{{story}}</p>
        </header>
        {{> details}}
        {{/content}}
        {{/frame}}
        """#

    static let comparison = #"""
        {{<frame}}
        {{$content}}
        <header>
        <p class="kicker">{{kicker}}</p>
        <h1>{{title}}</h1>
        <p class="lede">{{teaches}}</p>
        <p class="story">{{story}}</p>
        </header>
        <section>
        <h2>The outcome, side by side</h2>
        <div class="scroller">
        <table class="outcome">
        <thead><tr><td></td>{{#shops}}<th scope="col">{{shop}}</th>{{/shops}}</tr></thead>
        <tbody>
        <tr><th scope="row">Verdict</th>{{#shops}}<td class="number">{{#run}}{{> verdict}}{{/run}}</td>{{/shops}}</tr>
        {{#outcome}}
        <tr><th scope="row">{{name}}</th>{{#values}}<td class="number{{#alarming}} alarming{{/alarming}}">{{value}}</td>{{/values}}</tr>
        {{/outcome}}
        </tbody>
        </table>
        </div>
        </section>
        <section>
        <h2>Over time, on the same axes</h2>
        {{> charts}}
        </section>
        {{#single}}
        <section>
        <h2>What only one of them has</h2>
        {{> charts}}
        </section>
        {{/single}}
        {{#sharedFaults}}
        <section>
        <h2>Faults</h2>
        <p class="muted">The times are those of the decoupled run.</p>
        {{> faults}}
        </section>
        {{/sharedFaults}}
        {{#shops}}
        <article>
        <h2 class="part">{{shop}}</h2>
        {{#run}}
        {{> details}}
        {{/run}}
        </article>
        {{/shops}}
        {{/content}}
        {{/frame}}
        """#

    static let list = #"""
        {{<frame}}
        {{$content}}
        <header>
        <p class="kicker">{{kicker}}</p>
        <h1>{{title}}</h1>
        {{> verdict}}
        </header>
        <section>
        <h2>Runs</h2>
        <div class="scroller">
        <table class="runs">
        <thead><tr>
          <th scope="col" class="number">#</th>
          <th scope="col">Verdict</th>
          <th scope="col">Scenario</th>
          <th scope="col" class="number">Seed</th>
          <th scope="col" class="number">Faults</th>
          <th scope="col" class="number">Wanted</th>
          <th scope="col" class="number">Delivered</th>
          <th scope="col" class="number">Dead</th>
          <th scope="col" class="number">Drained</th></tr></thead>
        {{#entries}}
        <tbody>
        <tr><td class="number">{{number}}</td>
          <td>{{#link}}<a href="#{{.}}">{{/link}}<span class="mark {{mark}}">{{verdict}}</span>{{#link}}</a>{{/link}}</td>
          <th scope="row">{{scenario}}</th>
          <td class="number seed">{{seed}}</td>
          <td class="number">{{faults}}</td>
          <td class="number">{{wanted}}</td>
          <td class="number">{{delivered}}</td>
          <td class="number">{{dead}}</td>
          <td class="number">{{drained}}</td></tr>
        {{#problems}}
        <tr class="more"><td></td><td colspan="8">{{.}}</td></tr>
        {{/problems}}
        </tbody>
        {{/entries}}
        </table>
        </div>
        {{#shortened}}<p class="muted">{{.}}</p>{{/shortened}}
        </section>
        {{#inFull}}
        <article id="{{anchor}}">
        <h2 class="part">{{heading}}</h2>
        {{#run}}
        {{> verdict}}
        <p class="story">{{story}}</p>
        {{> details}}
        {{/run}}
        </article>
        {{/inFull}}
        {{/content}}
        {{/frame}}
        """#
}
